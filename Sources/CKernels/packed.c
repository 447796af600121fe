// What becomes of weights and activations on the way from one order to another, for all instruction sets.
#include "ckernels.h"

#include <string.h>

void ckernels_interleave(const int8_t *x, long depth, int bits, long row, long rows, int8_t *to) {
  const long planes = 8 / bits, chunk = ckernels_chunk_depth(bits), plane_stride = rows * CKERNELS_CHUNK;
  to += row * CKERNELS_CHUNK;
  for (; depth >= chunk; depth -= chunk, x += chunk, to += planes * plane_stride) {
    if (bits == 2) {
      for (long plane = 0; plane < 4; plane++)
        for (long byte = 0; byte < CKERNELS_CHUNK; byte++) to[plane * plane_stride + byte] = x[4 * byte + plane];
    } else {
      for (long plane = 0; plane < 8; plane++)
        for (long byte = 0; byte < CKERNELS_CHUNK; byte++) to[plane * plane_stride + byte] = x[8 * byte + plane];
    }
  }
  if (depth == 0) return;
  for (long plane = 0; plane < planes; plane++) memset(to + plane * plane_stride, 0, CKERNELS_CHUNK);
  for (long k = 0; k < depth; k++) to[k % planes * plane_stride + k / planes] = x[k];
}

// The codes in a byte, a byte each: four of two bits, or of each half four of one bit, as 0 or 2. Looked up, which takes half
// as long as shifts and masks.
#define TWO_BITS(b) ((b) & 3u) | ((b) >> 2 & 3u) << 8 | ((b) >> 4 & 3u) << 16 | ((b) >> 6 & 3u) << 24
#define ONE_BIT(b) ((b) & 1u) << 1 | ((b) >> 1 & 1u) << 9 | ((b) >> 2 & 1u) << 17 | ((b) >> 3 & 1u) << 25
#define FOUR(E, b) E(b), E((b) + 1), E((b) + 2), E((b) + 3)
#define SIXTEEN(E, b) FOUR(E, b), FOUR(E, (b) + 4), FOUR(E, (b) + 8), FOUR(E, (b) + 12)
#define SIXTY_FOUR(E, b) SIXTEEN(E, b), SIXTEEN(E, (b) + 16), SIXTEEN(E, (b) + 32), SIXTEEN(E, (b) + 48)
static const uint32_t two_bits[256] = {SIXTY_FOUR(TWO_BITS, 0u), SIXTY_FOUR(TWO_BITS, 64u), SIXTY_FOUR(TWO_BITS, 128u),
                                       SIXTY_FOUR(TWO_BITS, 192u)};
static const uint32_t one_bit[16] = {SIXTEEN(ONE_BIT, 0u)};

// Stores a group of one column.
static inline void store_group(uint8_t *panel, long group, long column, uint32_t four) {
  memcpy(panel + (group * CKERNELS_COLUMNS + column) * CKERNELS_DEPTH, &four, sizeof four);
}

void ckernels_unpack(const uint8_t *weights, long stride, long columns, long depth, int bits, uint8_t *panel) {
  const long groups = (depth + CKERNELS_DEPTH - 1) / CKERNELS_DEPTH;
  for (long column = 0; column < CKERNELS_COLUMNS; column++) {
    const uint8_t *from = weights + column * stride;
    if (column >= columns) {
      for (long group = 0; group < groups; group++) store_group(panel, group, column, 0);
    } else if (bits == 2) {
      for (long group = 0; group < groups; group++) store_group(panel, group, column, two_bits[from[group]]);
    } else {
      for (long group = 0; group < groups; group++)
        store_group(panel, group, column, one_bit[from[group / 2] >> group % 2 * 4 & 15]);
    }
  }
}

// The level of each byte's code: one less, without borrowing from the next byte.
static inline uint32_t levels(uint32_t codes) { return ((codes | 0x80808080) - 0x01010101) ^ 0x80808080; }

void ckernels_unpack_row(const uint8_t *weights, long depth, int bits, int8_t *to) {
  for (long k = 0; k < depth; k += 8 / bits, to += 8 / bits, weights++) {
    const uint32_t four = levels(bits == 2 ? two_bits[*weights] : one_bit[*weights & 15]);
    memcpy(to, &four, sizeof four);
    if (bits == 2) continue;
    const uint32_t next = levels(one_bit[*weights >> 4]);
    memcpy(to + 4, &next, sizeof next);
  }
}

void ckernels_multiply_packed_portable(const ckernels_packed_product *product) {
  const long planes = 8 / product->bits, bytes = (product->depth + planes - 1) / planes;
  const int mask = product->bits == 2 ? 3 : 1;
  for (long output = 0; output < product->outputs; output++) {
    const uint8_t *weights = product->weights + output * product->weights_stride;
    for (long row = 0; row < product->rows; row++) {
      const long plane_stride = product->rows * CKERNELS_CHUNK;
      const int8_t *x = product->x + row * CKERNELS_CHUNK;
      uint32_t sum = 0;
      for (long byte = 0; byte < bytes; byte++) {
        const int8_t *first = x + byte / CKERNELS_CHUNK * plane_stride * planes + byte % CKERNELS_CHUNK;
        for (long plane = 0; plane < planes; plane++)
          sum += (uint32_t)((weights[byte] >> plane * product->bits & mask) * first[plane * plane_stride]);
      }
      if (product->bits == 1) sum *= 2;
      const float whole = (float)(int32_t)(sum - (uint32_t)product->x_sums[row]);
      const float bias = product->bias ? product->bias[output] : 0;
      product->y[row * product->y_stride + output] = __builtin_fmaf(whole, product->factors[row], bias);
    }
  }
}
