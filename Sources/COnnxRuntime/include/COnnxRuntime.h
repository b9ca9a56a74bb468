// Our own minimal view of ONNX Runtime's C interface, which is loaded with dlopen: nothing of it has to be installed to build.
//
// The library exports one symbol, OrtGetApiBase; all else is a table of function pointers. The table is append-only: an index
// holds for every later version, and asking for an older version gives the same table. Never copied as a whole, since its length
// depends on the version; ORT_SLOTS names the entries that are used, with their index.
#pragma once
#include <stddef.h>
#include <stdint.h>

// The lowest version whose table has every slot below: 1.15.
#define ORT_API_VERSION_NEEDED 15

typedef struct OrtApiBase {
  const void *const *(*GetApi)(uint32_t version);  // NULL where the library is older than `version`
  const char *(*GetVersionString)(void);
} OrtApiBase;

typedef struct OrtStatus OrtStatus;  // NULL is success; anything else is the caller's to release
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtValue OrtValue;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtSequenceTypeInfo OrtSequenceTypeInfo;
typedef struct OrtMapTypeInfo OrtMapTypeInfo;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtModelMetadata OrtModelMetadata;
typedef struct OrtCUDAProviderOptionsV2 OrtCUDAProviderOptionsV2;
typedef struct OrtTensorRTProviderOptionsV2 OrtTensorRTProviderOptionsV2;

// X(index in the table, name, result, parameters)
#define ORT_SLOTS(X)                                                                                                     \
  X(1, GetErrorCode, int32_t, (const OrtStatus *))                                                                       \
  X(2, GetErrorMessage, const char *, (const OrtStatus *))                                                               \
  X(3, CreateEnv, OrtStatus *, (int32_t severity, const char *id, OrtEnv **))                                            \
  X(7, CreateSession, OrtStatus *, (const OrtEnv *, const char *path, const OrtSessionOptions *, OrtSession **))         \
  X(9, Run, OrtStatus *, (OrtSession *, const OrtRunOptions *, const char *const *names, const OrtValue *const *inputs,  \
                          size_t inputCount, const char *const *outputNames, size_t outputCount, OrtValue **outputs))    \
  X(10, CreateSessionOptions, OrtStatus *, (OrtSessionOptions **))                                                       \
  X(17, DisableMemPattern, OrtStatus *, (OrtSessionOptions *))                                                           \
  X(23, SetSessionGraphOptimizationLevel, OrtStatus *, (OrtSessionOptions *, int32_t))                                   \
  X(24, SetIntraOpNumThreads, OrtStatus *, (OrtSessionOptions *, int))                                                   \
  X(25, SetInterOpNumThreads, OrtStatus *, (OrtSessionOptions *, int))                                                   \
  X(30, SessionGetInputCount, OrtStatus *, (const OrtSession *, size_t *))                                               \
  X(31, SessionGetOutputCount, OrtStatus *, (const OrtSession *, size_t *))                                              \
  X(33, SessionGetInputTypeInfo, OrtStatus *, (const OrtSession *, size_t, OrtTypeInfo **))                              \
  X(34, SessionGetOutputTypeInfo, OrtStatus *, (const OrtSession *, size_t, OrtTypeInfo **))                             \
  X(36, SessionGetInputName, OrtStatus *, (const OrtSession *, size_t, OrtAllocator *, char **))                         \
  X(37, SessionGetOutputName, OrtStatus *, (const OrtSession *, size_t, OrtAllocator *, char **))                        \
  X(48, CreateTensorAsOrtValue, OrtStatus *, (OrtAllocator *, const int64_t *shape, size_t rank, int32_t type, OrtValue **)) \
  X(49, CreateTensorWithDataAsOrtValue, OrtStatus *, (const OrtMemoryInfo *, void *data, size_t bytes,                   \
                                                      const int64_t *shape, size_t rank, int32_t type, OrtValue **))     \
  X(50, IsTensor, OrtStatus *, (const OrtValue *, int *))                                                                \
  X(51, GetTensorMutableData, OrtStatus *, (OrtValue *, void **))                                                        \
  X(53, GetStringTensorDataLength, OrtStatus *, (const OrtValue *, size_t *))                                            \
  X(54, GetStringTensorContent, OrtStatus *, (const OrtValue *, void *text, size_t bytes, size_t *offsets, size_t count)) \
  X(55, CastTypeInfoToTensorInfo, OrtStatus *, (const OrtTypeInfo *, const OrtTensorTypeAndShapeInfo **))                \
  X(56, GetOnnxTypeFromTypeInfo, OrtStatus *, (const OrtTypeInfo *, int32_t *))                                          \
  X(60, GetTensorElementType, OrtStatus *, (const OrtTensorTypeAndShapeInfo *, int32_t *))                               \
  X(61, GetDimensionsCount, OrtStatus *, (const OrtTensorTypeAndShapeInfo *, size_t *))                                  \
  X(62, GetDimensions, OrtStatus *, (const OrtTensorTypeAndShapeInfo *, int64_t *, size_t))                              \
  X(63, GetSymbolicDimensions, OrtStatus *, (const OrtTensorTypeAndShapeInfo *, const char **, size_t))                  \
  X(65, GetTensorTypeAndShape, OrtStatus *, (const OrtValue *, OrtTensorTypeAndShapeInfo **))                            \
  X(67, GetValueType, OrtStatus *, (const OrtValue *, int32_t *))                                                        \
  X(69, CreateCpuMemoryInfo, OrtStatus *, (int32_t allocator, int32_t memory, OrtMemoryInfo **))                         \
  X(76, AllocatorFree, OrtStatus *, (OrtAllocator *, void *))                                                            \
  X(78, GetAllocatorWithDefaultOptions, OrtStatus *, (OrtAllocator **))                                                  \
  X(80, GetValue, OrtStatus *, (const OrtValue *, int index, OrtAllocator *, OrtValue **))                               \
  X(81, GetValueCount, OrtStatus *, (const OrtValue *, size_t *))                                                        \
  X(92, ReleaseEnv, void, (OrtEnv *))                                                                                    \
  X(93, ReleaseStatus, void, (OrtStatus *))                                                                              \
  X(94, ReleaseMemoryInfo, void, (OrtMemoryInfo *))                                                                      \
  X(95, ReleaseSession, void, (OrtSession *))                                                                            \
  X(96, ReleaseValue, void, (OrtValue *))                                                                                \
  X(98, ReleaseTypeInfo, void, (OrtTypeInfo *))                                                                          \
  X(99, ReleaseTensorTypeAndShapeInfo, void, (OrtTensorTypeAndShapeInfo *))                                              \
  X(100, ReleaseSessionOptions, void, (OrtSessionOptions *))                                                             \
  X(103, CastTypeInfoToMapTypeInfo, OrtStatus *, (const OrtTypeInfo *, const OrtMapTypeInfo **))                         \
  X(104, CastTypeInfoToSequenceTypeInfo, OrtStatus *, (const OrtTypeInfo *, const OrtSequenceTypeInfo **))               \
  X(105, GetMapKeyType, OrtStatus *, (const OrtMapTypeInfo *, int32_t *))                                                \
  X(106, GetMapValueType, OrtStatus *, (const OrtMapTypeInfo *, OrtTypeInfo **))                                         \
  X(107, GetSequenceElementType, OrtStatus *, (const OrtSequenceTypeInfo *, OrtTypeInfo **))                             \
  X(111, SessionGetModelMetadata, OrtStatus *, (const OrtSession *, OrtModelMetadata **))                                \
  X(112, ModelMetadataGetProducerName, OrtStatus *, (const OrtModelMetadata *, OrtAllocator *, char **))                 \
  X(113, ModelMetadataGetGraphName, OrtStatus *, (const OrtModelMetadata *, OrtAllocator *, char **))                    \
  X(114, ModelMetadataGetDomain, OrtStatus *, (const OrtModelMetadata *, OrtAllocator *, char **))                       \
  X(115, ModelMetadataGetDescription, OrtStatus *, (const OrtModelMetadata *, OrtAllocator *, char **))                  \
  X(116, ModelMetadataLookupCustomMetadataMap, OrtStatus *, (const OrtModelMetadata *, OrtAllocator *, const char *,     \
                                                             char **))                                                   \
  X(117, ModelMetadataGetVersion, OrtStatus *, (const OrtModelMetadata *, int64_t *))                                    \
  X(118, ReleaseModelMetadata, void, (OrtModelMetadata *))                                                               \
  X(123, ModelMetadataGetCustomMetadataMapKeys, OrtStatus *, (const OrtModelMetadata *, OrtAllocator *, char ***,        \
                                                              int64_t *))                                                \
  X(125, GetAvailableProviders, OrtStatus *, (char ***, int *))                                                          \
  X(126, ReleaseAvailableProviders, OrtStatus *, (char **, int))                                                         \
  X(130, AddSessionConfigEntry, OrtStatus *, (OrtSessionOptions *, const char *key, const char *value))                  \
  X(170, SessionOptionsAppendExecutionProvider_TensorRT_V2, OrtStatus *, (OrtSessionOptions *,                           \
                                                                          const OrtTensorRTProviderOptionsV2 *))         \
  X(171, CreateTensorRTProviderOptions, OrtStatus *, (OrtTensorRTProviderOptionsV2 **))                                  \
  X(172, UpdateTensorRTProviderOptions, OrtStatus *, (OrtTensorRTProviderOptionsV2 *, const char *const *keys,           \
                                                      const char *const *values, size_t))                                \
  X(174, ReleaseTensorRTProviderOptions, void, (OrtTensorRTProviderOptionsV2 *))                                         \
  X(204, SessionOptionsAppendExecutionProvider_CUDA_V2, OrtStatus *, (OrtSessionOptions *,                               \
                                                                      const OrtCUDAProviderOptionsV2 *))                 \
  X(205, CreateCUDAProviderOptions, OrtStatus *, (OrtCUDAProviderOptionsV2 **))                                          \
  X(206, UpdateCUDAProviderOptions, OrtStatus *, (OrtCUDAProviderOptionsV2 *, const char *const *keys,                   \
                                                  const char *const *values, size_t))                                    \
  X(208, ReleaseCUDAProviderOptions, void, (OrtCUDAProviderOptionsV2 *))                                                 \
  X(216, SessionOptionsAppendExecutionProvider, OrtStatus *, (OrtSessionOptions *, const char *name,                     \
                                                              const char *const *keys, const char *const *values, size_t))       \
  X(252, GetResizedStringTensorElementBuffer, OrtStatus *, (OrtValue *, size_t index, size_t bytes, char **))

// The entries that are used, under their names.
typedef struct OrtFunctions {
#define X(index, name, result, parameters) result(*name) parameters;
  ORT_SLOTS(X)
#undef X
} OrtFunctions;

// Picks the entries out of a table that GetApi(ORT_API_VERSION_NEEDED) answered.
void ort_read_functions(const void *const *table, OrtFunctions *functions);
