#include "COniguruma.h"
#include <dlfcn.h>
#include <oniguruma.h>
#include <pthread.h>

static struct {
  const char *problem;
  OnigEncodingType *utf8;
  OnigSyntaxType **syntax;
  __typeof__(onig_initialize) *initialize;
  __typeof__(onig_set_retry_limit_in_search) *set_retry_limit_in_search;
  __typeof__(onig_new) *new_regex;
  __typeof__(onig_free) *free_regex;
  __typeof__(onig_error_code_to_str) *error_code_to_str;
  __typeof__(onig_region_new) *region_new;
  __typeof__(onig_region_free) *region_free;
  __typeof__(onig_search) *search;
} onig;

static unsigned long retries;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
  void *library = dlopen("libonig.so.5", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    onig.problem = "libonig.so.5 cannot be loaded (Debian's package libonig5 has it)";
    return;
  }
  onig.utf8 = dlsym(library, "OnigEncodingUTF8");
  onig.syntax = dlsym(library, "OnigDefaultSyntax");
  onig.initialize = dlsym(library, "onig_initialize");
  onig.set_retry_limit_in_search = dlsym(library, "onig_set_retry_limit_in_search");
  onig.new_regex = dlsym(library, "onig_new");
  onig.free_regex = dlsym(library, "onig_free");
  onig.error_code_to_str = dlsym(library, "onig_error_code_to_str");
  onig.region_new = dlsym(library, "onig_region_new");
  onig.region_free = dlsym(library, "onig_region_free");
  onig.search = dlsym(library, "onig_search");
  if (!onig.utf8 || !onig.syntax || !onig.initialize || !onig.set_retry_limit_in_search || !onig.new_regex || !onig.free_regex || !onig.error_code_to_str || !onig.region_new ||
      !onig.region_free || !onig.search) {
    onig.problem = "libonig.so.5 lacks functions: 6.9.6 or newer is needed";
    return;
  }
  OnigEncoding encodings[] = {onig.utf8};
  onig.set_retry_limit_in_search(retries);
  if (onig.initialize(encodings, 1) != ONIG_NORMAL) onig.problem = "Oniguruma cannot be initialised";
}

const char *sheaf_onig_load(unsigned long retries_in_search) {
  retries = retries_in_search;
  pthread_once(&once, load);
  return onig.problem;
}

sheaf_onig_regex *sheaf_onig_new(const uint8_t *pattern, size_t count, uint8_t *message) {
  OnigRegex regex = NULL;
  OnigErrorInfo info = {0};
  int code = onig.new_regex(&regex, pattern, pattern + count, ONIG_OPTION_NONE, onig.utf8, *onig.syntax, &info);
  if (code == ONIG_NORMAL) return (sheaf_onig_regex *)regex;
  message[onig.error_code_to_str(message, code, &info)] = 0;
  return NULL;
}

void sheaf_onig_free(sheaf_onig_regex *regex) { onig.free_regex((OnigRegex)regex); }

sheaf_onig_region *sheaf_onig_region_new(void) { return (sheaf_onig_region *)onig.region_new(); }
void sheaf_onig_region_free(sheaf_onig_region *region) { onig.region_free((OnigRegion *)region, 1); }

int sheaf_onig_search(sheaf_onig_regex *regex, sheaf_onig_region *region, const uint8_t *text, size_t count, size_t start, size_t *first, size_t *end) {
  OnigRegion *found = (OnigRegion *)region;
  int code = onig.search((OnigRegex)regex, text, text + count, text + start, text + count, found, ONIG_OPTION_NONE);
  if (code == ONIG_MISMATCH) return 0;
  if (code < 0) return -1;
  *first = (size_t)found->beg[0];
  *end = (size_t)found->end[0];
  return 1;
}

const uint32_t *sheaf_onig_property(const uint8_t *name, size_t count) {
  OnigCodePoint single_byte_end;
  const OnigCodePoint *ranges = NULL;
  int property = onig.utf8->property_name_to_ctype(onig.utf8, (OnigUChar *)name, (OnigUChar *)name + count);
  if (property < 0 || onig.utf8->get_ctype_code_range((OnigCtype)property, &single_byte_end, &ranges) != 0) return NULL;
  return ranges;
}
