#include "COnnxRuntime.h"
#include <string.h>

void ort_read_functions(const void *const *table, OrtFunctions *functions) {
  // memcpy: ISO C has no cast from an object pointer to a function pointer.
#define X(index, name, result, parameters) memcpy(&functions->name, &table[index], sizeof functions->name);
  ORT_SLOTS(X)
#undef X
}
