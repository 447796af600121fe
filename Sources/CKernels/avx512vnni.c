// AVX-512 VNNI: 64 products an instruction, summed in 32 bits at once.
#include "ckernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define INLINED static inline __attribute__((always_inline))

// Rows and panels are known where this is inlined: the sums stay in registers, 24 of them at most.
TARGET INLINED void multiply_tile(const ckernels_product *product, long column, long first, const int rows,
                                  const int panels) {
  __m512i sums[12][2];
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++)
    sums[row][0] = sums[row][1] = _mm512_set1_epi32(-product->x_sums[first + row]);
  const long stride = product->x_stride;
  const uint8_t *panel = product->weights + 4 * product->groups * column;
  const uint8_t *next = panel + 64 * product->groups;
  const int8_t *x = product->x + first * stride;
#pragma clang loop unroll(disable)
  for (long group = 0; group < product->groups; group++, panel += 64, next += 64, x += 4) {
    const __m512i left = _mm512_loadu_si512(panel);
    const __m512i right = panels > 1 ? _mm512_loadu_si512(next) : left;
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
      int32_t four;
      __builtin_memcpy(&four, x + row * stride, 4);
      const __m512i values = _mm512_set1_epi32(four);
      sums[row][0] = _mm512_dpbusd_epi32(sums[row][0], left, values);
      if (panels > 1) sums[row][1] = _mm512_dpbusd_epi32(sums[row][1], right, values);
    }
  }
  const float *factors = product->factors + first;
  const long y_stride = product->y_stride;
#pragma clang loop unroll(full)
  for (int panel = 0; panel < panels; panel++) {
    const long at = column + 16 * panel;
    const __m512 bias = product->bias ? _mm512_loadu_ps(product->bias + at) : _mm512_setzero_ps();
    float *y = product->y + first * y_stride + at;
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++, y += y_stride)
      _mm512_storeu_ps(y, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[row][panel]), _mm512_set1_ps(factors[row]), bias));
  }
}

TARGET INLINED void multiply_rows(const ckernels_product *product, long column, const int panels) {
  long row = 0;
  for (; row + 12 <= product->rows; row += 12) multiply_tile(product, column, row, 12, panels);
  if (row + 8 <= product->rows) multiply_tile(product, column, row, 8, panels), row += 8;
  if (row + 4 <= product->rows) multiply_tile(product, column, row, 4, panels), row += 4;
  switch (product->rows - row) {
    case 3: multiply_tile(product, column, row, 3, panels); break;
    case 2: multiply_tile(product, column, row, 2, panels); break;
    case 1: multiply_tile(product, column, row, 1, panels); break;
    default: break;
  }
}

TARGET void ckernels_multiply_avx512vnni(const ckernels_product *product) {
  long column = 0;
  for (; column + 32 <= 16 * product->panels; column += 32) multiply_rows(product, column, 2);
  if (column < 16 * product->panels) multiply_rows(product, column, 1);
}
#endif
