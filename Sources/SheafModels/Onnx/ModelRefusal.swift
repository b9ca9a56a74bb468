import Sheaf

/// A model file that cannot be served as it is configured.
func refused(_ path: String, _ problem: String, _ fix: String) -> ConfigurationError {
  ConfigurationError(key: "model", value: path, problem: problem, fix: fix)
}
