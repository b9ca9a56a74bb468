import Glibc

/// Tests run under a sanitizer (`scripts/sanitize`): memory is not what it would be, and time passes slowly.
public let isSanitized = getenv("SANITIZE") != nil
