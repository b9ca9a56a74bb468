// Oniguruma, loaded with dlopen and kept to itself: the library exports functions with the names of POSIX (regcomp, regexec, regfree),
// and a program that is linked with it, and every other library in it, would get those instead of the C library's.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// A compiled pattern.
typedef struct sheaf_onig_regex sheaf_onig_regex;
/// Where a match was found; for one thread at a time.
typedef struct sheaf_onig_region sheaf_onig_region;

/// Loads the library, once, from any thread.
/// - Parameter retries_in_search: the tries of one whole search, which is not limited by itself.
/// - Returns: NULL, or what went wrong.
const char *sheaf_onig_load(unsigned long retries_in_search);

// All that follows only after it was loaded.

/// Compiles a pattern as Hugging Face's tokenizers do. NULL: it is none; `message`, of at least 91 bytes, says why.
sheaf_onig_regex *sheaf_onig_new(const uint8_t *pattern, size_t count, uint8_t *message);
void sheaf_onig_free(sheaf_onig_regex *regex);

sheaf_onig_region *sheaf_onig_region_new(void);
void sheaf_onig_region_free(sheaf_onig_region *region);

/// Looks for a match from `start` on. - Returns: 1: there is one, from `first` to `end`; 0: there is none; below 0: it takes too long.
int sheaf_onig_search(sheaf_onig_regex *regex, sheaf_onig_region *region, const uint8_t *text, size_t count, size_t start, size_t *first, size_t *end);

/// The code points of a Unicode property: how many ranges, then the first and the last of each. NULL: there is no such property.
const uint32_t *sheaf_onig_property(const uint8_t *name, size_t count);
