// AVX-512 VNNI: 64 products an instruction, summed in 32 bits at once.
#include "ckernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>

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

// The first of so many lanes, 64 at most.
INLINED __mmask64 first_lanes(long count) { return count < 64 ? (1ull << count) - 1 : ~0ull; }

// The sum of the squares, and the bits of the largest magnitude: infinity has the least of all that is not finite.
TARGET INLINED float sum_squares(const float *x, long count, uint32_t *largest) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  __m512 squares = _mm512_setzero_ps();
  __m512i most = _mm512_setzero_si512();
  const long whole = count & ~15l;
  for (long k = 0; k < whole; k += 16) {
    const __m512 value = _mm512_loadu_ps(x + k);
    squares = _mm512_fmadd_ps(value, value, squares);
    most = _mm512_max_epu32(most, _mm512_and_si512(_mm512_castps_si512(value), magnitude));
  }
  if (whole < count) {
    const __m512 value = _mm512_maskz_loadu_ps((__mmask16)first_lanes(count - whole), x + whole);
    squares = _mm512_fmadd_ps(value, value, squares);
    most = _mm512_max_epu32(most, _mm512_and_si512(_mm512_castps_si512(value), magnitude));
  }
  *largest = _mm512_reduce_max_epu32(most);
  const __m256 eight =
      _mm256_add_ps(_mm512_castps512_ps256(squares),
                    _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(squares), 1)));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

// The levels of 64 values.
TARGET INLINED __m512i round_values(const __m512 *values, __m512 factors) {
  // Packing goes by quarters of a register: the order of their four bytes is put right at the end.
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m512i whole[4];
#pragma clang loop unroll(full)
  for (int quarter = 0; quarter < 4; quarter++)
    whole[quarter] = _mm512_cvtps_epi32(_mm512_mul_ps(values[quarter], factors));
  const __m512i packed =
      _mm512_packs_epi16(_mm512_packs_epi32(whole[0], whole[1]), _mm512_packs_epi32(whole[2], whole[3]));
  return _mm512_permutexvar_epi32(order, packed);
}

// Writes the levels of a row and returns their sum.
TARGET INLINED int32_t round_row(const float *x, long count, float factor, int8_t *levels) {
  const __m512 factors = _mm512_set1_ps(factor);
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sums = _mm512_setzero_si512();
  const long whole = count & ~63l;
  for (long k = 0; k < whole; k += 64) {
    const __m512 values[4] = {_mm512_loadu_ps(x + k), _mm512_loadu_ps(x + k + 16), _mm512_loadu_ps(x + k + 32),
                              _mm512_loadu_ps(x + k + 48)};
    const __m512i bytes = round_values(values, factors);
    sums = _mm512_dpbusd_epi32(sums, ones, bytes);
    _mm512_storeu_si512(levels + k, bytes);
  }
  if (whole < count) {
    const __mmask64 valid = first_lanes(count - whole);
    __m512 values[4];
#pragma clang loop unroll(full)
    for (int quarter = 0; quarter < 4; quarter++)
      values[quarter] = _mm512_maskz_loadu_ps((__mmask16)(valid >> 16 * quarter), x + whole + 16 * quarter);
    const __m512i bytes = round_values(values, factors);
    sums = _mm512_dpbusd_epi32(sums, ones, bytes);
    _mm512_mask_storeu_epi8(levels + whole, valid, bytes);
  }
  return _mm512_reduce_add_epi32(sums);
}

TARGET void ckernels_round_avx512vnni(const ckernels_rounding *rounding) {
  const long columns = rounding->columns;
  const __m512 count = _mm512_set1_ps((float)(columns > 0 ? columns : 1));
  const __m512 one = _mm512_set1_ps(1), least = _mm512_set1_ps(1e-5f);
  // What follows the sums takes as long for one row as for sixteen.
  for (long first = 0; first < rounding->rows; first += 16) {
    const long rows = rounding->rows - first < 16 ? rounding->rows - first : 16;
    const float *x = rounding->x + first * rounding->x_stride;
    _Alignas(64) float squares[16] = {0}, norms[16], scales[16], factors[16];
    _Alignas(64) uint32_t largest[16] = {0};
    for (long row = 0; row < rows; row++)
      squares[row] = sum_squares(x + row * rounding->x_stride, columns, &largest[row]);
    const __m512 mean = _mm512_div_ps(_mm512_load_ps(squares), count);
    const __m512 root = _mm512_sqrt_ps(_mm512_add_ps(mean, _mm512_set1_ps(rounding->epsilon)));
    const __m512 norm = _mm512_div_ps(one, root);
    // The first of two operands is dropped where it is NaN.
    const __m512 normalized = _mm512_max_ps(_mm512_mul_ps(_mm512_load_ps((const float *)largest), norm), least);
    const __m512 scale = _mm512_div_ps(_mm512_set1_ps(127), normalized);
    const __mmask16 is_finite =
        _mm512_cmplt_epu32_mask(_mm512_load_si512(largest), _mm512_set1_epi32(0x7f800000));
    _mm512_store_ps(norms, norm);
    _mm512_store_ps(scales, _mm512_mask_blend_ps(is_finite, _mm512_set1_ps(NAN), scale));
    _mm512_store_ps(factors, _mm512_mul_ps(scale, norm));
    for (long row = 0; row < rows; row++) {
      const long index = first + row;
      rounding->norms[index] = norms[row];
      rounding->scales[index * rounding->step] = scales[row];
      rounding->sums[index * rounding->step] = round_row(
          x + row * rounding->x_stride, columns, factors[row], rounding->levels + index * rounding->levels_stride);
    }
  }
}

// Sums of some rows and outputs, each in one register or in several, since an instruction waits for the sum that it adds to.
typedef struct {
  __m512i of[8][4][8];
} packed_sums;

// One row of one-bit weights has a sum for each bit of a byte, in place of a shift for each: bit p's is 2^p-fold. A chunk adds
// 4 x 128 x 128 to a lane at most, so all those of the greatest depth still fit into 32 bits.
#define SUMS_BY_BIT(bits, rows) ((bits) == 1 && (rows) == 1)

// Adds the products of some rows with a chunk of some outputs' weights.
TARGET INLINED void add_chunk(const ckernels_packed_product *product, const int8_t *x, const __m512i *weights,
                              const int bits, const int rows, const int outputs, const int chains, packed_sums *sums) {
  const __m512i mask = _mm512_set1_epi8(bits == 2 ? 3 : 1);
#pragma clang loop unroll(full)
  for (int plane = 0; plane < 8 / bits; plane++) {
    __m512i codes[4];
#pragma clang loop unroll(full)
    for (int output = 0; output < outputs; output++)
      codes[output] = SUMS_BY_BIT(bits, rows)
                          ? _mm512_and_si512(weights[output], _mm512_set1_epi8((char)(1 << plane)))
                          : _mm512_and_si512(_mm512_srli_epi16(weights[output], (unsigned)(plane * bits)), mask);
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
      const __m512i values = _mm512_loadu_si512(x + (plane * product->rows + row) * CKERNELS_CHUNK);
#pragma clang loop unroll(full)
      for (int output = 0; output < outputs; output++) {
        __m512i *sum = &sums->of[row][output][plane % chains];
        *sum = _mm512_dpbusd_epi32(*sum, codes[output], values);
      }
    }
  }
}

TARGET INLINED uint32_t add_up(const __m512i *sums, const int bits, const int rows, const int chains) {
  __m512i all = sums[0];
#pragma clang loop unroll(full)
  for (int chain = 1; chain < chains; chain++)
    all = _mm512_add_epi32(all, SUMS_BY_BIT(bits, rows) ? _mm512_srai_epi32(sums[chain], (unsigned)chain) : sums[chain]);
  return (uint32_t)_mm512_reduce_add_epi32(all) << (bits == 1);
}

TARGET INLINED void multiply_packed_rows(const ckernels_packed_product *product, long output, long first,
                                         const int bits, const int rows, const int outputs) {
  const int chains = SUMS_BY_BIT(bits, rows) ? 8 : rows * outputs > 8 ? 1 : 2;
  packed_sums sums;
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++)
    for (int other = 0; other < outputs; other++)
      for (int chain = 0; chain < chains; chain++) sums.of[row][other][chain] = _mm512_setzero_si512();
  const long stride = product->weights_stride;
  const uint8_t *from = product->weights + output * stride;
  const int8_t *x = product->x + first * CKERNELS_CHUNK;
  const long bytes = (product->depth * bits + 7) / 8, whole = bytes / CKERNELS_CHUNK * CKERNELS_CHUNK;
  // Weights are fetched into the second-level cache: for one row nothing is as slow as they are.
  const long ahead = outputs * stride > 8192 ? outputs * stride : 8192;
  __m512i weights[4];
#pragma clang loop unroll(disable)
  for (long byte = 0; byte < whole; byte += CKERNELS_CHUNK, x += product->rows * CKERNELS_CHUNK * 8 / bits) {
#pragma clang loop unroll(full)
    for (int other = 0; other < outputs; other++) {
      weights[other] = _mm512_loadu_si512(from + other * stride + byte);
      if (rows == 1) __builtin_prefetch(from + other * stride + byte + ahead, 0, 2);
    }
    add_chunk(product, x, weights, bits, rows, outputs, chains, &sums);
  }
  if (whole < bytes) {
    const __mmask64 valid = first_lanes(bytes - whole);
#pragma clang loop unroll(full)
    for (int other = 0; other < outputs; other++)
      weights[other] = _mm512_maskz_loadu_epi8(valid, from + other * stride + whole);
    add_chunk(product, x, weights, bits, rows, outputs, chains, &sums);
  }
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++) {
#pragma clang loop unroll(full)
    for (int other = 0; other < outputs; other++) {
      const uint32_t sum = add_up(sums.of[row][other], bits, rows, chains);
      const float whole_sum = (float)(int32_t)(sum - (uint32_t)product->x_sums[first + row]);
      const float bias = product->bias ? product->bias[output + other] : 0;
      product->y[(first + row) * product->y_stride + output + other] =
          __builtin_fmaf(whole_sum, product->factors[first + row], bias);
    }
  }
}

// All outputs by some rows.
TARGET INLINED void multiply_packed_block(const ckernels_packed_product *product, long first, const int bits,
                                          const int rows, const int outputs) {
  long output = 0;
  for (; output + outputs <= product->outputs; output += outputs)
    multiply_packed_rows(product, output, first, bits, rows, outputs);
  for (; output < product->outputs; output++) multiply_packed_rows(product, output, first, bits, rows, 1);
}

TARGET INLINED void multiply_packed(const ckernels_packed_product *product, const int bits) {
  long row = 0;
  for (; row + 8 <= product->rows; row += 8) multiply_packed_block(product, row, bits, 8, 3);
  if (row + 4 <= product->rows) multiply_packed_block(product, row, bits, 4, 2), row += 4;
  if (row + 2 <= product->rows) multiply_packed_block(product, row, bits, 2, 4), row += 2;
  if (row < product->rows) multiply_packed_block(product, row, bits, 1, bits == 1 ? 2 : 4);
}

TARGET void ckernels_multiply_packed_avx512vnni(const ckernels_packed_product *product) {
  if (product->bits == 2)
    multiply_packed(product, 2);
  else
    multiply_packed(product, 1);
}
#endif
