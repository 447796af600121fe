// The kernel for every CPU, and what the others must equal.
#include "ckernels.h"

#include <math.h>

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
