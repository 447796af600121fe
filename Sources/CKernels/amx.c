// AMX: a tile of 16 x 16 sums takes 64 steps of the depth an instruction.
#include "ckernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,amx-tile,amx-int8")))
#define INLINED static inline __attribute__((always_inline))

// Rows and columns of a tile of sums, and the steps of the depth that one instruction takes.
#define SIDE 16
#define STEPS 64

typedef struct {
  uint8_t palette, first_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_shapes;

// All eight tiles: four of sums, two of activations, two of weights.
static const tile_shapes shapes = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE},
};

// The last steps of a depth that is no multiple of 64, with zeros behind them: the weights there may be anything.
typedef struct {
  int8_t x[2 * SIDE][STEPS];
} ragged_steps;

TARGET static void copy_ragged(const int8_t *x, long stride, long bytes, ragged_steps *to) {
  const __mmask64 valid = ~0ull >> (STEPS - bytes);
  for (int row = 0; row < 2 * SIDE; row++)
    _mm512_storeu_si512(to->x[row], _mm512_maskz_loadu_epi8(valid, x + row * stride));
}

// Sums of 32 rows and one panel become values.
TARGET INLINED void finish(const ckernels_product *product, const int32_t (*sums)[SIDE], long row, long column) {
  const int32_t *x_sums = product->x_sums + row;
  const float *factors = product->factors + row;
  const __m512 bias = product->bias ? _mm512_loadu_ps(product->bias + column) : _mm512_setzero_ps();
  const long stride = product->y_stride;
  float *y = product->y + row * stride + column;
#pragma clang loop unroll_count(4)
  for (int index = 0; index < 2 * SIDE; index++, y += stride) {
    const __m512i sum = _mm512_sub_epi32(_mm512_load_si512(sums[index]), _mm512_set1_epi32(x_sums[index]));
    _mm512_storeu_ps(y, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(factors[index]), bias));
  }
}

// 32 rows and one or two panels. The tail is null where the depth is a multiple of 64.
TARGET INLINED void multiply_block(const ckernels_product *product, long row, long column, const ragged_steps *tail,
                                   const int panels) {
  const long stride = product->x_stride;
  const int8_t *x = product->x + row * stride;
  const uint8_t *left = product->weights + 4 * product->groups * column;
  const uint8_t *right = left + 64 * product->groups;
  _tile_zero(0);
  _tile_zero(1);
  if (panels > 1) {
    _tile_zero(2);
    _tile_zero(3);
  }
  const long whole = product->groups / SIDE;
  for (long step = 0; step < whole + (tail != 0); step++, x += STEPS, left += SIDE * 64, right += SIDE * 64) {
    const int is_tail = step == whole;
    const int8_t *values = is_tail ? tail->x[0] : x;
    const long values_stride = is_tail ? STEPS : stride;
    _tile_loadd(6, left, 64);
    _tile_loadd(4, values, values_stride);
    _tile_dpbsud(0, 4, 6);
    _tile_loadd(5, values + SIDE * values_stride, values_stride);
    _tile_dpbsud(1, 5, 6);
    if (panels > 1) {
      _tile_loadd(7, right, 64);
      _tile_dpbsud(2, 4, 7);
      _tile_dpbsud(3, 5, 7);
    }
  }
  _Alignas(64) int32_t sums[2][2 * SIDE][SIDE];
  _tile_stored(0, sums[0], 64);
  _tile_stored(1, sums[0][SIDE], 64);
  if (panels > 1) {
    _tile_stored(2, sums[1], 64);
    _tile_stored(3, sums[1][SIDE], 64);
  }
  for (int panel = 0; panel < panels; panel++) finish(product, sums[panel], row, column + SIDE * panel);
}

TARGET static void multiply_blocks(const ckernels_product *product, long rows) {
  const long columns = 16 * product->panels, ragged = product->groups % SIDE * CKERNELS_DEPTH;
  ragged_steps room;
  for (long row = 0; row < rows; row += 2 * SIDE) {
    if (ragged > 0)
      copy_ragged(product->x + row * product->x_stride + 4 * product->groups - ragged, product->x_stride, ragged, &room);
    const ragged_steps *tail = ragged > 0 ? &room : 0;
    long column = 0;
    for (; column + 2 * SIDE <= columns; column += 2 * SIDE) multiply_block(product, row, column, tail, 2);
    if (column < columns) multiply_block(product, row, column, tail, 1);
  }
}

TARGET void ckernels_multiply_amx(const ckernels_product *product) {
  const long rows = product->rows / (2 * SIDE) * (2 * SIDE);
  if (rows > 0) {
    _tile_loadconfig(&shapes);
    multiply_blocks(product, rows);
    // The system saves tiles only where they are in use.
    _tile_release();
  }
  if (rows == product->rows) return;
  // Few rows fill no tile.
  ckernels_product rest = *product;
  rest.x += rows * rest.x_stride;
  rest.x_sums += rows;
  rest.factors += rows;
  rest.y += rows * rest.y_stride;
  rest.rows -= rows;
  ckernels_multiply_avx512vnni(&rest);
}
#endif
