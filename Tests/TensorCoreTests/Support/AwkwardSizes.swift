/// Sizes around the vector lengths (8 and 16) and a panel's columns (16 or 32), none of them kind to a kernel.
let awkwardSizes = [0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 127, 129, 785]

/// Half the distance between 1 and the next float32 above: the most that one rounding moves a value, relatively.
let unitRoundoff = 0x1p-24
