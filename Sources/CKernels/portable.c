// The kernel for every CPU, and what the others must equal.
#include "ckernels.h"

#include <math.h>

void ckernels_multiply_portable(const ckernels_product *product) {
  for (long row = 0; row < product->rows; row++) {
    const int8_t *x = product->x + row * product->x_stride;
    int32_t sums[CKERNELS_COLUMNS] = {0};
    const uint8_t *panel = product->panel;
    for (long group = 0; group < product->groups; group++, x += CKERNELS_DEPTH) {
      for (int column = 0; column < CKERNELS_COLUMNS; column++)
        for (int k = 0; k < CKERNELS_DEPTH; k++) sums[column] += x[k] * *panel++;
    }
    float *y = product->y + row * product->y_stride;
    for (int column = 0; column < CKERNELS_COLUMNS; column++)
      y[column] = fmaf((float)(sums[column] - product->x_sums[row]), product->factors[row], product->bias[column]);
  }
}
