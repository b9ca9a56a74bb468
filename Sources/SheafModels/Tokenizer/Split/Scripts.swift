import COniguruma
import Sheaf

/// Cuts a text where its script changes, as sentencepiece does: kana count as Han, and spaces as any script.
enum Scripts {
  private static let any: UInt8 = 0

  static func split(_ view: TextView, _ start: Int, _ end: Int, into words: inout WordList) {
    let table = table
    var last = any
    // What stands before the first character that has a script belongs to no word.
    var word: Int?
    var index = start
    while index < end {
      let at = index
      let script = table[UTF8Bytes.decode(view.bytes, &index)]
      if script == any || script == last { continue }
      if let word { words.append(word, at) }
      word = at
      last = script
    }
    if let word { words.append(word, end) }
  }

  /// The number of each character's script. Hugging Face's table is that of Unicode 10: scripts that came later are none.
  private static let table: UnicodeTable = {
    var scripts = [UInt8](repeating: any, count: 0x110000)
    for (number, name) in names.split(separator: " ").enumerated() {
      let name = Array(name.utf8)
      guard let ranges = sheaf_onig_property(name, name.count) else { continue }
      for range in 0..<Int(ranges[0]) {
        for scalar in ranges[1 + 2 * range]...min(ranges[2 + 2 * range], 0x10FFFF) { scripts[Int(scalar)] = UInt8(number + 1) }
      }
    }
    let han = scripts[0x4E00]
    for kana in [scripts[0x3042], scripts[0x30A2]] {
      for scalar in scripts.indices where scripts[scalar] == kana { scripts[scalar] = han }
    }
    scripts[0x30FC] = han
    // Four characters had other scripts then.
    for (scalar, like) in [(0x589, 0x21), (0x61C, 0x21), (0x953, 0x905), (0x954, 0x905)] { scripts[scalar] = scripts[like] }
    scripts[0x20] = any
    return UnicodeTable { scripts[Int($0)] }
  }()

  private static let names = """
    Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo Brahmi Braille \
    Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Common Coptic Cuneiform Cypriot Cyrillic Deseret \
    Devanagari Duployan Egyptian_Hieroglyphs Elbasan Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gurmukhi Han Hangul \
    Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada \
    Katakana Kayah_Li Kharoshthi Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Malayalam \
    Mandaic Manichaean Marchen Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar \
    Nabataean New_Tai_Lue Newa Nko Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_South_Arabian \
    Old_Turkic Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan \
    Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sora_Sompeng Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham \
    Tai_Viet Takri Tamil Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Ugaritic Vai Warang_Citi Yi
    """
}
