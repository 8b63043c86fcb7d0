// How figures are written for people, the same in tables, pictures and sentences. Without Foundation, whose
// formatters would cost the kernel's start more than they do here.

extension Int {
    /// With a comma between thousands: `431,080`.
    package var grouped: String {
        let digits = String(magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return self < 0 ? "-" + text : text
    }

    /// With what is counted: `1 epoch`, `10 epochs`.
    package func counted(_ noun: String) -> String { "\(grouped) \(noun)\(self == 1 ? "" : "s")" }
}

extension Double {
    /// With so many digits behind the point: `0.970`. Beyond 10^15, and for what is no number, Swift's own form.
    package func fixed(_ decimals: Int) -> String {
        var power = 1.0
        for _ in 0..<decimals { power *= 10 }
        let scaled = (magnitude * power).rounded()
        guard scaled < 1e15 else { return "\(self)" }
        var digits = String(Int(scaled))
        while digits.count <= decimals { digits = "0" + digits }
        let whole = digits.dropLast(decimals)
        let fraction = digits.suffix(decimals)
        let sign = self < 0 && scaled > 0 ? "-" : ""
        return decimals == 0 ? sign + digits : "\(sign)\(whole).\(fraction)"
    }

    /// With so many significant digits and no trailing zeros, as a person would write it: `0.01`, `1.5`, `3e-5`.
    package func significant(_ digits: Int) -> String {
        guard isFinite, self != 0 else { return self == 0 ? "0" : "\(self)" }
        var exponent = 0
        var lead = magnitude
        while lead >= 10 {
            lead /= 10
            exponent += 1
        }
        while lead < 1 {
            lead *= 10
            exponent -= 1
        }
        // 9.996 in three digits is 10.0: a digit more before the point.
        if lead.fixed(digits - 1).hasPrefix("10") {
            lead /= 10
            exponent += 1
        }
        if exponent < -4 || exponent >= 9 {
            let sign = self < 0 ? "-" : ""
            let power = exponent < 0 ? "e-" : "e"
            return sign + lead.fixed(digits - 1).withoutTrailingZeros + power + String(exponent.magnitude)
        }
        return fixed(Swift.max(0, digits - 1 - exponent)).withoutTrailingZeros
    }

    /// A part as per cent: `0.9532` is `95.3 %`.
    package func percent(_ decimals: Int = 1) -> String { (self * 100).fixed(decimals) + " %" }
}

extension Duration {
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }

    /// As one would say it: `0.8 s`, `12 s`, `3 min 5 s`, `2 h 10 min`.
    package var spoken: String {
        let seconds = self.seconds
        if seconds < 9.95 { return seconds.fixed(1) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3_600 { return whole % 60 == 0 ? "\(whole / 60) min" : "\(whole / 60) min \(whole % 60) s" }
        return whole % 3_600 < 60 ? "\(whole / 3_600) h" : "\(whole / 3_600) h \(whole % 3_600 / 60) min"
    }
}

extension String {
    fileprivate var withoutTrailingZeros: String {
        guard contains(".") else { return self }
        var text = self[...]
        while text.last == "0" { text = text.dropLast() }
        if text.last == "." { text = text.dropLast() }
        return String(text)
    }

    /// Safe inside HTML, in text and in quoted attributes.
    package var escapedForHTML: String {
        var text = ""
        for character in unicodeScalars {
            switch character {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}
