// What becomes of weights and activations on the way from one order to another, for all instruction sets.
#include "ckernels.h"

#include <string.h>

void ckernels_interleave(const int8_t *x, long depth, int bits, int8_t *to) {
  const long planes = 8 / bits, chunk = ckernels_chunk_depth(bits);
  for (; depth >= chunk; depth -= chunk, x += chunk, to += chunk) {
    if (bits == 2) {
      for (long plane = 0; plane < 4; plane++)
        for (long byte = 0; byte < CKERNELS_CHUNK; byte++) to[plane * CKERNELS_CHUNK + byte] = x[4 * byte + plane];
    } else {
      for (long plane = 0; plane < 8; plane++)
        for (long byte = 0; byte < CKERNELS_CHUNK; byte++) to[plane * CKERNELS_CHUNK + byte] = x[8 * byte + plane];
    }
  }
  if (depth == 0) return;
  memset(to, 0, (unsigned long)chunk);
  for (long k = 0; k < depth; k++) to[k % planes * CKERNELS_CHUNK + k / planes] = x[k];
}

// The four weights of two bits in a byte, a byte each.
static inline uint32_t spread(uint32_t codes) {
  codes = (codes | codes << 12) & 0x000f000f;
  return (codes | codes << 6) & 0x03030303;
}

// The four weights of one bit in half a byte, a byte each: 0 or 2.
static inline uint32_t spread_bits(uint32_t codes) {
  codes = (codes | codes << 14) & 0x00030003;
  return ((codes | codes << 7) & 0x01010101) << 1;
}

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
      for (long group = 0; group < groups; group++) store_group(panel, group, column, spread(from[group]));
    } else {
      for (long group = 0; group < groups; group++)
        store_group(panel, group, column, spread_bits(from[group / 2] >> group % 2 * 4 & 15));
    }
  }
}

// The level of each byte's code: one less, without borrowing from the next byte.
static inline uint32_t levels(uint32_t codes) { return ((codes | 0x80808080) - 0x01010101) ^ 0x80808080; }

void ckernels_unpack_row(const uint8_t *weights, long depth, int bits, int8_t *to) {
  for (long k = 0; k < depth; k += 8 / bits, to += 8 / bits, weights++) {
    const uint32_t four = levels(bits == 2 ? spread(*weights) : spread_bits(*weights & 15));
    memcpy(to, &four, sizeof four);
    if (bits == 2) continue;
    const uint32_t next = levels(spread_bits(*weights >> 4));
    memcpy(to + 4, &next, sizeof next);
  }
}

void ckernels_multiply_packed_portable(const ckernels_packed_product *product) {
  const long planes = 8 / product->bits, bytes = (product->depth + planes - 1) / planes;
  const int mask = product->bits == 2 ? 3 : 1;
  for (long output = 0; output < product->outputs; output++) {
    const uint8_t *weights = product->weights + output * product->weights_stride;
    for (long row = 0; row < product->rows; row++) {
      const int8_t *x = product->x + row * product->x_stride;
      uint32_t sum = 0;
      for (long byte = 0; byte < bytes; byte++) {
        const int8_t *first = x + byte / CKERNELS_CHUNK * CKERNELS_CHUNK * planes + byte % CKERNELS_CHUNK;
        for (long plane = 0; plane < planes; plane++)
          sum += (uint32_t)((weights[byte] >> plane * product->bits & mask) * first[plane * CKERNELS_CHUNK]);
      }
      if (product->bits == 1) sum *= 2;
      const float whole = (float)(int32_t)(sum - (uint32_t)product->x_sums[row]);
      const float bias = product->bias ? product->bias[output] : 0;
      product->y[row * product->y_stride + output] = __builtin_fmaf(whole, product->factors[row], bias);
    }
  }
}
