// AVX2: 32 products an instruction, summed in 16 bits as long as they fit.
#include "ckernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINED static inline __attribute__((always_inline))

// Two products of an activation and a weight of 0, 1 or 2 are -512 at least and 508 at most: 64 such pairs fit into 16 bits,
// down to the last one.
#define GROUPS_IN_16_BITS 64

// `rows` is known where this is inlined: its sums stay in registers.
TARGET INLINED void multiply_rows(const ckernels_product *product, long column, long first, const int rows) {
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

// The first values, eight at most, and zeros behind them.
TARGET INLINED __m256 load_first(const float *x, long count) {
  if (count >= 8) return _mm256_loadu_ps(x);
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_maskload_ps(x, _mm256_cmpgt_epi32(_mm256_set1_epi32(count > 0 ? (int)count : 0), lanes));
}

TARGET INLINED float sum_eight(__m256 eight) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

TARGET INLINED int32_t sum_words(__m256i eight) {
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
}

typedef struct {
  __m256 squares[2];
  // The bits of the largest magnitude: infinity has the least of all that is not finite.
  __m256i largest;
} row_sums;

// Takes up so many values, sixteen at most.
TARGET INLINED void add_values(row_sums *sums, const float *x, long count) {
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
#pragma clang loop unroll(full)
  for (int half = 0; half < 2; half++) {
    const __m256 value = load_first(x + 8 * half, count - 8 * half);
    sums->squares[half] = _mm256_fmadd_ps(value, value, sums->squares[half]);
    sums->largest = _mm256_max_epu32(sums->largest, _mm256_and_si256(_mm256_castps_si256(value), magnitude));
  }
}

// The sum of the squares, and the bits of the largest magnitude.
TARGET INLINED float sum_squares(const float *x, long count, uint32_t *largest) {
  row_sums sums = {{_mm256_setzero_ps(), _mm256_setzero_ps()}, _mm256_setzero_si256()};
  const long whole = count & ~15l;
  for (long k = 0; k < whole; k += 16) add_values(&sums, x + k, 16);
  if (whole < count) add_values(&sums, x + whole, count - whole);
  const __m256i most = sums.largest;
  __m128i four = _mm_max_epu32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
  four = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0x4e));
  *largest = (uint32_t)_mm_cvtsi128_si32(_mm_max_epu32(four, _mm_shuffle_epi32(four, 0xb1)));
  return sum_eight(_mm256_add_ps(sums.squares[0], sums.squares[1]));
}

// The levels of so many values, 32 at most; their sum is added to `sums`.
TARGET INLINED __m256i round_values(const float *x, long count, __m256 factors, __m256i *sums) {
  // Packing goes by halves of a register: the order of their four bytes is put right at the end.
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  __m256i whole[4];
#pragma clang loop unroll(full)
  for (int quarter = 0; quarter < 4; quarter++) {
    whole[quarter] = _mm256_cvtps_epi32(_mm256_mul_ps(load_first(x + 8 * quarter, count - 8 * quarter), factors));
    *sums = _mm256_add_epi32(*sums, whole[quarter]);
  }
  const __m256i packed =
      _mm256_packs_epi16(_mm256_packs_epi32(whole[0], whole[1]), _mm256_packs_epi32(whole[2], whole[3]));
  return _mm256_permutevar8x32_epi32(packed, order);
}

// Writes the levels of a row and returns their sum.
TARGET INLINED int32_t round_row(const float *x, long count, float factor, int8_t *levels) {
  const __m256 factors = _mm256_set1_ps(factor);
  __m256i sums = _mm256_setzero_si256();
  const long whole = count & ~31l;
  for (long k = 0; k < whole; k += 32)
    _mm256_storeu_si256((__m256i *)(levels + k), round_values(x + k, 32, factors, &sums));
  if (whole < count) {
    int8_t rest[32];
    _mm256_storeu_si256((__m256i *)rest, round_values(x + whole, count - whole, factors, &sums));
    __builtin_memcpy(levels + whole, rest, (unsigned long)(count - whole));
  }
  return sum_words(sums);
}

TARGET void ckernels_round_avx2(const ckernels_rounding *rounding) {
  const long columns = rounding->columns;
  const __m256 count = _mm256_set1_ps((float)(columns > 0 ? columns : 1));
  const __m256 one = _mm256_set1_ps(1), least = _mm256_set1_ps(1e-5f);
  // What follows the sums takes as long for one row as for eight.
  for (long first = 0; first < rounding->rows; first += 8) {
    const long rows = rounding->rows - first < 8 ? rounding->rows - first : 8;
    const float *x = rounding->x + first * rounding->x_stride;
    _Alignas(32) float squares[8] = {0}, norms[8], scales[8], factors[8];
    _Alignas(32) uint32_t largest[8] = {0};
    for (long row = 0; row < rows; row++)
      squares[row] = sum_squares(x + row * rounding->x_stride, columns, &largest[row]);
    const __m256 mean = _mm256_div_ps(_mm256_load_ps(squares), count);
    const __m256 root = _mm256_sqrt_ps(_mm256_add_ps(mean, _mm256_set1_ps(rounding->epsilon)));
    const __m256 norm = _mm256_div_ps(one, root);
    // The first of two operands is dropped where it is NaN.
    const __m256 normalized = _mm256_max_ps(_mm256_mul_ps(_mm256_load_ps((const float *)largest), norm), least);
    const __m256 scale = _mm256_div_ps(_mm256_set1_ps(127), normalized);
    _mm256_store_ps(norms, norm);
    _mm256_store_ps(scales, scale);
    _mm256_store_ps(factors, _mm256_mul_ps(scale, norm));
    for (long row = 0; row < rows; row++) {
      const long index = first + row;
      rounding->norms[index] = norms[row];
      rounding->scales[index * rounding->step] = largest[row] < 0x7f800000 ? scales[row] : NAN;
      rounding->sums[index * rounding->step] = round_row(
          x + row * rounding->x_stride, columns, factors[row], rounding->levels + index * rounding->levels_stride);
    }
  }
}

// Chunks whose products fit into 16 bits: two of 2 x -128 an instruction, and of a plane two instructions a chunk.
#define CHUNKS_IN_16_BITS 7

// One output and some rows.
TARGET INLINED void multiply_packed_rows(const ckernels_packed_product *product, long output, long first,
                                         const int bits, const int rows) {
  const int planes = 8 / bits;
  const __m256i mask = _mm256_set1_epi8(bits == 2 ? 3 : 1), ones = _mm256_set1_epi16(1);
  __m256i sums[4];
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++) sums[row] = _mm256_setzero_si256();
  const uint8_t *weights = product->weights + output * product->weights_stride;
  const long plane_stride = product->rows * CKERNELS_CHUNK;
  const int8_t *x = product->x + first * CKERNELS_CHUNK;
  const long bytes = (product->depth + planes - 1) / planes;
  for (long start = 0; start < bytes; start += CHUNKS_IN_16_BITS * CKERNELS_CHUNK) {
    const long end = start + CHUNKS_IN_16_BITS * CKERNELS_CHUNK < bytes ? start + CHUNKS_IN_16_BITS * CKERNELS_CHUNK : bytes;
    __m256i pairs[4];
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) pairs[row] = _mm256_setzero_si256();
    for (long byte = start; byte < end; byte += 32) {
      __m256i codes;
      if (byte + 32 <= bytes) {
        codes = _mm256_loadu_si256((const __m256i *)(weights + byte));
      } else {
        uint8_t rest[32] = {0};
        __builtin_memcpy(rest, weights + byte, (unsigned long)(bytes - byte));
        codes = _mm256_loadu_si256((const __m256i *)rest);
      }
      const int8_t *values = x + byte / CKERNELS_CHUNK * plane_stride * planes + byte % CKERNELS_CHUNK;
#pragma clang loop unroll(full)
      for (int plane = 0; plane < planes; plane++) {
        const __m256i weight = _mm256_and_si256(_mm256_srli_epi16(codes, plane * bits), mask);
#pragma clang loop unroll(full)
        for (int row = 0; row < rows; row++) {
          const __m256i value = _mm256_loadu_si256(
              (const __m256i *)(values + row * CKERNELS_CHUNK + plane * plane_stride));
          pairs[row] = _mm256_add_epi16(pairs[row], _mm256_maddubs_epi16(weight, value));
        }
      }
    }
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) sums[row] = _mm256_add_epi32(sums[row], _mm256_madd_epi16(pairs[row], ones));
  }
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++) {
    const uint32_t sum = (uint32_t)sum_words(sums[row]) << (bits == 1);
    const float whole = (float)(int32_t)(sum - (uint32_t)product->x_sums[first + row]);
    const float bias = product->bias ? product->bias[output] : 0;
    product->y[(first + row) * product->y_stride + output] =
        __builtin_fmaf(whole, product->factors[first + row], bias);
  }
}

TARGET INLINED void multiply_packed(const ckernels_packed_product *product, const int bits) {
  for (long output = 0; output < product->outputs; output++) {
    long row = 0;
    for (; row + 4 <= product->rows; row += 4) multiply_packed_rows(product, output, row, bits, 4);
    for (; row < product->rows; row++) multiply_packed_rows(product, output, row, bits, 1);
  }
}

TARGET void ckernels_multiply_packed_avx2(const ckernels_packed_product *product) {
  if (product->bits == 2)
    multiply_packed(product, 2);
  else
    multiply_packed(product, 1);
}
#endif
