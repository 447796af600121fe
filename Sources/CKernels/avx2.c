// AVX2: 32 products an instruction, summed in 16 bits as long as they fit.
#include "ckernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))

// Two products of an activation and a weight of 0, 1 or 2 are -512 at least and 508 at most: 64 such pairs fit into 16 bits,
// down to the last one.
#define GROUPS_IN_16_BITS 64

// `rows` is known where this is inlined: its sums stay in registers.
TARGET static inline __attribute__((always_inline)) void multiply_rows(const ckernels_product *product, long column,
                                                                       long first, const int rows) {
  const int8_t *x[6];
  __m256i sums[6][2];
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++) {
    x[row] = product->x + (first + row) * product->x_stride;
    const __m256i sum = _mm256_set1_epi32(-product->x_sums[first + row]);
    sums[row][0] = sums[row][1] = sum;
  }
  const __m256i ones = _mm256_set1_epi16(1);
  const uint8_t *panel = product->weights + 4 * product->groups * column;
  for (long start = 0; start < product->groups; start += GROUPS_IN_16_BITS) {
    const long end = start + GROUPS_IN_16_BITS < product->groups ? start + GROUPS_IN_16_BITS : product->groups;
    __m256i pairs[6][2];
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) pairs[row][0] = pairs[row][1] = _mm256_setzero_si256();
#pragma clang loop unroll(disable)
    for (long group = start; group < end; group++, panel += 64) {
      const __m256i left = _mm256_load_si256((const __m256i *)panel);
      const __m256i right = _mm256_load_si256((const __m256i *)(panel + 32));
#pragma clang loop unroll(full)
      for (int row = 0; row < rows; row++) {
        int32_t four;
        __builtin_memcpy(&four, x[row] + 4 * group, 4);
        const __m256i values = _mm256_set1_epi32(four);
        pairs[row][0] = _mm256_add_epi16(pairs[row][0], _mm256_maddubs_epi16(left, values));
        pairs[row][1] = _mm256_add_epi16(pairs[row][1], _mm256_maddubs_epi16(right, values));
      }
    }
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
      sums[row][0] = _mm256_add_epi32(sums[row][0], _mm256_madd_epi16(pairs[row][0], ones));
      sums[row][1] = _mm256_add_epi32(sums[row][1], _mm256_madd_epi16(pairs[row][1], ones));
    }
  }
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++) {
    const __m256 factor = _mm256_set1_ps(product->factors[first + row]);
    float *y = product->y + (first + row) * product->y_stride + column;
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
      const __m256 bias = product->bias ? _mm256_loadu_ps(product->bias + column + 8 * half) : _mm256_setzero_ps();
      _mm256_storeu_ps(y + 8 * half, _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[row][half]), factor, bias));
    }
  }
}

TARGET void ckernels_multiply_avx2(const ckernels_product *product) {
  for (long column = 0; column < 16 * product->panels; column += 16) {
    long row = 0;
    for (; row + 6 <= product->rows; row += 6) multiply_rows(product, column, row, 6);
    switch (product->rows - row) {
      case 5: multiply_rows(product, column, row, 5); break;
      case 4: multiply_rows(product, column, row, 4); break;
      case 3: multiply_rows(product, column, row, 3); break;
      case 2: multiply_rows(product, column, row, 2); break;
      case 1: multiply_rows(product, column, row, 1); break;
      default: break;
    }
  }
}
#endif
