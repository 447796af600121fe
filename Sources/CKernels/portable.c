// The kernel for every CPU, and what the others must equal.
#include "ckernels.h"

#include <math.h>
#include <string.h>

void ckernels_multiply_portable(const ckernels_product *product) {
  const uint8_t *panel = product->weights;
  for (long first = 0; first < 16 * product->panels; first += 16, panel += 64 * product->groups) {
    for (long row = 0; row < product->rows; row++) {
      const int8_t *x = product->x + row * product->x_stride;
      const uint8_t *weight = panel;
      // Without a sign: they may pass beyond 32 bits and come back when the sum of the levels is taken off.
      uint32_t sums[CKERNELS_COLUMNS] = {0};
      for (long group = 0; group < product->groups; group++, x += CKERNELS_DEPTH) {
        for (int column = 0; column < CKERNELS_COLUMNS; column++)
          for (int k = 0; k < CKERNELS_DEPTH; k++) sums[column] += (uint32_t)(x[k] * *weight++);
      }
      float *y = product->y + row * product->y_stride + first;
      for (int column = 0; column < CKERNELS_COLUMNS; column++) {
        const float bias = product->bias ? product->bias[first + column] : 0;
        y[column] = fmaf((float)(int32_t)(sums[column] - (uint32_t)product->x_sums[row]), product->factors[row], bias);
      }
    }
  }
}

static uint32_t bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

void ckernels_round_portable(const ckernels_rounding *rounding) {
  for (long row = 0; row < rounding->rows; row++) {
    const float *x = rounding->x + row * rounding->x_stride;
    float squares[16] = {0};
    float largest = 0;
    int is_finite = 1;
    for (long k = 0; k < rounding->columns; k++) {
      squares[k % 16] = fmaf(x[k], x[k], squares[k % 16]);
      is_finite &= (bits(x[k]) & 0x7f800000) != 0x7f800000;
      if (fabsf(x[k]) > largest) largest = fabsf(x[k]);
    }
    for (int half = 8; half > 0; half /= 2)
      for (int part = 0; part < half; part++) squares[part] += squares[part + half];
    const long count = rounding->columns > 0 ? rounding->columns : 1;
    const float norm = 1 / sqrtf(squares[0] / (float)count + rounding->epsilon);
    const float normalized = largest * norm;
    const float scale = 127 / (normalized > 1e-5f ? normalized : 1e-5f);
    const float factor = scale * norm;
    int8_t *levels = rounding->levels + row * rounding->levels_stride;
    uint32_t sum = 0;
    for (long k = 0; k < rounding->columns; k++) {
      // As a whole number, the bits of the sum are the level more than those of the number alone.
      const float magic = 12582912;
      const uint32_t level = bits(x[k] * factor + magic) - bits(magic);
      levels[k] = (int8_t)level;
      sum += level;
    }
    rounding->norms[row] = norm;
    rounding->scales[row * rounding->step] = is_finite ? scale : NAN;
    rounding->sums[row * rounding->step] = (int32_t)sum;
  }
}
