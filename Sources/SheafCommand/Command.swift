/// The command `sheaf`.
@main
enum Command {
  static func main() {
    print("sheaf")
  }
}
