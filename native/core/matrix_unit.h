// The matrix unit of this machine (AMX).
#pragma once

namespace he {

// Whether the CPU has bf16 and int8 tiles, the system saves them, and this process may use them: Linux wants to be asked once a process, which this does.
bool has_matrix_unit();

}  // namespace he
