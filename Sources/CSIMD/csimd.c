// SwiftPM asks a C target for one source file; everything is in the header.
#include "csimd.h"
