// NEON with the dot product (Armv8.2): 16 products an instruction, summed in 32 bits at once.
#include "ckernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#define TARGET __attribute__((target("dotprod")))
#define INLINED static inline __attribute__((always_inline))

// Weights are 0, 1 or 2 and so are the same bytes with a sign.
TARGET INLINED void multiply_tile(const ckernels_product *product, long column, long first, const int rows) {
  int32x4_t sums[6][4];
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++)
    for (int quarter = 0; quarter < 4; quarter++) sums[row][quarter] = vdupq_n_s32(-product->x_sums[first + row]);
  const int8_t *panel = (const int8_t *)product->weights + 4 * product->groups * column;
  const int8_t *x = product->x + first * product->x_stride;
#pragma clang loop unroll(disable)
  for (long group = 0; group < product->groups; group++, panel += 64, x += 4) {
    const int8x16x4_t weights = vld1q_s8_x4(panel);
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
      int32_t four;
      __builtin_memcpy(&four, x + row * product->x_stride, 4);
      const int8x16_t values = vreinterpretq_s8_s32(vdupq_n_s32(four));
      for (int quarter = 0; quarter < 4; quarter++)
        sums[row][quarter] = vdotq_s32(sums[row][quarter], weights.val[quarter], values);
    }
  }
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++) {
    const float32x4_t factor = vdupq_n_f32(product->factors[first + row]);
    float *y = product->y + (first + row) * product->y_stride + column;
    for (int quarter = 0; quarter < 4; quarter++) {
      const float32x4_t bias = product->bias ? vld1q_f32(product->bias + column + 4 * quarter) : vdupq_n_f32(0);
      vst1q_f32(y + 4 * quarter, vfmaq_f32(bias, vcvtq_f32_s32(sums[row][quarter]), factor));
    }
  }
}

TARGET void ckernels_multiply_neon(const ckernels_product *product) {
  for (long column = 0; column < 16 * product->panels; column += 16) {
    long row = 0;
    for (; row + 6 <= product->rows; row += 6) multiply_tile(product, column, row, 6);
    switch (product->rows - row) {
      case 5: multiply_tile(product, column, row, 5); break;
      case 4: multiply_tile(product, column, row, 4); break;
      case 3: multiply_tile(product, column, row, 3); break;
      case 2: multiply_tile(product, column, row, 2); break;
      case 1: multiply_tile(product, column, row, 1); break;
      default: break;
    }
  }
}
#endif
