#include "CNVML.h"
#include <dlfcn.h>
#include <string.h>

void nvml_read_functions(void *library, NVMLFunctions *functions) {
  // memcpy: ISO C has no cast from an object pointer to a function pointer.
  void *symbol;
#define X(field, name, parameters) symbol = dlsym(library, name), memcpy(&functions->field, &symbol, sizeof symbol);
  NVML_FUNCTIONS(X)
#undef X
  symbol = dlsym(library, "nvmlErrorString"), memcpy(&functions->errorString, &symbol, sizeof symbol);
}
