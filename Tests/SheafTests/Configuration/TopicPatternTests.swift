import Testing

@testable import Sheaf

@Suite struct TopicPatternTests {
  @Test(arguments: ["a", "a.b_c-D9", "...", String(repeating: "x", count: 249), "^a.*", "^(a|b)$"]) func isValid(_ topic: String) {
    #expect(TopicPattern.isValid(topic))
  }

  @Test(arguments: ["", ".", "..", "a b", "ä", "a/b", "a\n", String(repeating: "x", count: 250), "^(", "^[a"]) func isNotValid(_ topic: String) {
    #expect(!TopicPattern.isValid(topic))
  }

  /// As librdkafka reads them: only what begins with ^ is a pattern, and it need not match to the end.
  @Test func matches() {
    #expect(TopicPattern.matches("a.c", "abc") == false)
    #expect(TopicPattern.matches("a.c", "a.c") == true)
    #expect(TopicPattern.matches("^a.c", "abcd") == true)
    #expect(TopicPattern.matches("^a.c$", "abcd") == false)
    #expect(TopicPattern.matches("^requests-[0-9]+$", "requests-12") == true)
    #expect(TopicPattern.matches("^(", "a") == nil)
  }
}
