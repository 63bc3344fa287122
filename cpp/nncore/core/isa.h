#pragma once

namespace nncore {

// The instruction set that the kernels were compiled for, as -march names it.
const char* isa();

}  // namespace nncore
