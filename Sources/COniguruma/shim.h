#pragma once
#include <oniguruma.h>
#include <stddef.h>

// What Swift cannot write: its importer skips the macros that name an encoding and a syntax, it takes global variables for unsafe to
// share, and variadic functions are not imported.

/// For any thread, once, before anything else. The limit on retries in a whole search is not Oniguruma's own, which has none.
static inline int sheaf_onig_initialize(unsigned long retries_in_search) {
  OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
  onig_set_retry_limit_in_search(retries_in_search);
  return onig_initialize(encodings, 1);
}

/// Compiles a pattern as Hugging Face's tokenizers do; `message` has room for ONIG_MAX_ERROR_MESSAGE_LEN bytes.
static inline OnigRegex sheaf_onig_new(const OnigUChar *pattern, size_t count, OnigUChar *message) {
  OnigRegex regex = NULL;
  OnigErrorInfo info = {0};
  int code = onig_new(&regex, pattern, pattern + count, ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_DEFAULT, &info);
  if (code == ONIG_NORMAL) return regex;
  message[onig_error_code_to_str(message, code, &info)] = 0;
  return NULL;
}

/// The code points of a Unicode property: how many ranges, then the first and the last of each. NULL: there is no such property.
static inline const OnigCodePoint *sheaf_onig_property(const OnigUChar *name, size_t count) {
  OnigEncoding utf8 = ONIG_ENCODING_UTF8;
  OnigCodePoint single_byte_end;
  const OnigCodePoint *ranges = NULL;
  int property = utf8->property_name_to_ctype(utf8, (OnigUChar *)name, (OnigUChar *)name + count);
  if (property < 0 || utf8->get_ctype_code_range((OnigCtype)property, &single_byte_end, &ranges) != 0) return NULL;
  return ranges;
}
