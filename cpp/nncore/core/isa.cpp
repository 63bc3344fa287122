#include "nncore/core/isa.h"

#ifndef NNCORE_ISA  // no -march was given
#define NNCORE_ISA "baseline"
#endif

namespace nncore {

const char* isa() { return NNCORE_ISA; }

}  // namespace nncore
