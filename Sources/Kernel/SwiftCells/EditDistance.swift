extension StringProtocol {
    /// Levenshtein's distance: how many letters have to be put in, taken out or changed.
    func editDistance(to other: some StringProtocol) -> Int {
        let second = Array(other)
        var row = Array(0...second.count)
        for (i, a) in enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in second.enumerated() {
                let changed = diagonal + (a == b ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = Swift.min(row[j] + 1, row[j + 1] + 1, changed)
            }
        }
        return row[second.count]
    }
}
