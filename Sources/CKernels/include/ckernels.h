// Products of int8 activations with weights of few levels: one file an instruction set, all with the same bits.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdint.h>

// Columns of a panel.
#define CKERNELS_COLUMNS 16
// Steps of the depth that lie side by side in it: a group.
#define CKERNELS_DEPTH 4
// Groups that a kernel may read at once: behind the last panel is room for so many, whatever it holds.
#define CKERNELS_GROUPS_READ 16

/// `y = factor (x (w - 1)) + bias` of some rows and some whole panels. The sums are whole numbers and exact; what follows is
/// one fused multiplication and addition.
///
/// A sum is 128 times the depth at most, in magnitude, so depths below 2^24 cannot overflow 32 bits.
typedef struct {
  /// `[rows, 4 groups]` levels; those behind the depth may be anything.
  const int8_t *x;
  long x_stride;
  /// The sum of each row's levels.
  const int32_t *x_sums;
  long rows;
  long groups;
  /// `[panels, groups, 16, 4]` levels plus one: 0, 1 or 2, and 0 behind the depth.
  const uint8_t *weights;
  long panels;
  /// Of each row.
  const float *factors;
  /// Of each column; null for none.
  const float *bias;
  /// `[rows, 16 panels]`.
  float *y;
  long y_stride;
} ckernels_product;

/// The RMS norm of some rows, `n = x / sqrt(mean(x^2) + epsilon)`, and what it is rounded to: `level = round(n s)`, half to even,
/// `s = 127 / max(|n|, 1e-5)`. `n` is never written: what stands before it and `s` are one factor of `x`.
///
/// Squares are summed in 16 parts, each of every sixteenth value, which are then added by halves. In a row with a value that
/// is not finite `s` is NaN, and the levels may be anything.
typedef struct {
  /// `[rows, columns]`.
  const float *x;
  long x_stride;
  long rows;
  long columns;
  /// Above 0.
  float epsilon;
  /// `[rows, columns]`.
  int8_t *levels;
  long levels_stride;
  /// `s` and the sum of the levels of each row, `step` apart.
  float *scales;
  int32_t *sums;
  long step;
  /// The reciprocal root of each row.
  float *norms;
} ckernels_rounding;

/// `y = factor (x (w - 1)) + bias` of a few rows and weights as they are stored: a row of each output, `bits` a weight, the
/// first of a byte lowest. Codes are the level plus one where they have two bits; one bit stands for -1 or 1.
///
/// The first weights of all bytes are multiplied together, then the second ones, and so on: shifts and masks take them out
/// of a register of bytes. So `x` is given in that order, see `ckernels_interleave`.
typedef struct {
  /// `[outputs, ceil(depth bits / 8)]`.
  const uint8_t *weights;
  long weights_stride;
  long outputs;
  long depth;
  /// 1 or 2.
  int bits;
  /// `[chunks, 8 / bits, rows, 64]` levels, and zeros behind the depth: what is multiplied together lies side by side.
  const int8_t *x;
  /// The sum of each row's levels.
  const int32_t *x_sums;
  long rows;
  /// Of each row.
  const float *factors;
  /// Of each output; null for none.
  const float *bias;
  /// `[rows, outputs]`.
  float *y;
  long y_stride;
} ckernels_packed_product;

// Bytes of weights that are taken together: a chunk.
#define CKERNELS_CHUNK 64

// Steps of the depth in a chunk.
static inline long ckernels_chunk_depth(int bits) { return CKERNELS_CHUNK * 8 / bits; }

// Puts the levels of row `row` of so many into the order of a packed product; behind them are zeros up to the end of the last
// chunk.
void ckernels_interleave(const int8_t *x, long depth, int bits, long row, long rows, int8_t *to);

// Unpacks stored weights, `[columns, groups]` of which 16 at most, into a panel of a product: zeros in the columns behind
// them. What lies behind the depth must be 0 in the stored bytes.
void ckernels_unpack(const uint8_t *weights, long stride, long columns, long depth, int bits, uint8_t *panel);

// The levels of a row of stored weights, -1, 0 or 1 each. Writes whole groups: `to` has room for a multiple of 8 of them.
void ckernels_unpack_row(const uint8_t *weights, long depth, int bits, int8_t *to);

void ckernels_multiply_packed_portable(const ckernels_packed_product *product);
void ckernels_multiply_portable(const ckernels_product *product);
void ckernels_round_portable(const ckernels_rounding *rounding);

// Whether the CPU at hand has the instructions of a kernel, and the system lets this process use them.
int ckernels_has_avx2(void);
int ckernels_has_avx512vnni(void);
int ckernels_has_amx(void);
int ckernels_has_neon(void);

#if defined(__x86_64__)
void ckernels_multiply_avx2(const ckernels_product *product);
void ckernels_multiply_packed_avx2(const ckernels_packed_product *product);
void ckernels_multiply_packed_avx512vnni(const ckernels_packed_product *product);
void ckernels_round_avx2(const ckernels_rounding *rounding);
void ckernels_round_avx512vnni(const ckernels_rounding *rounding);
void ckernels_multiply_avx512vnni(const ckernels_product *product);
void ckernels_multiply_amx(const ckernels_product *product);

// For benchmarks: the multiplications and additions of a loop that does nothing else.
double ckernels_peak_avx2(void);
double ckernels_peak_avx512vnni(void);
double ckernels_peak_amx(void);
#elif defined(__aarch64__)
void ckernels_multiply_neon(const ckernels_product *product);
#endif

#endif
