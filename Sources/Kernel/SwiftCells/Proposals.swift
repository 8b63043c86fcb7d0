/// What a message of the compiler says of the way out, in words that a participant needs.
extension [Diagnostic] {
    /// Says of names that are not found which were meant: of those that earlier cells declare, which the compiler does not
    /// see unless they are referred to, and of those that it proposes itself. Only what is nearly the same helps.
    mutating func proposeNames(from declared: Set<String>) {
        var proposed: [Diagnostic] = []
        var index = startIndex
        while index < endIndex {
            var diagnostic = self[index]
            index += 1
            guard diagnostic.severity == .error,
                let found = diagnostic.message.wholeMatch(
                    of: #/(cannot find (?:type )?'(.+?)' in scope)(?:; did you mean '(.+?)'\?)?/#)
            else {
                proposed.append(diagnostic)
                continue
            }
            let wanted = String(found.2)
            var candidates = declared
            if let own = found.3 { candidates.insert(String(own)) }
            var notes: [Diagnostic] = []
            while index < endIndex, self[index].severity == .note {
                if let name = self[index].message.wholeMatch(of: #/did you mean '(.+?)'\?/#) {
                    candidates.insert(String(name.1))
                } else if !self[index].message.hasSuffix("declared here") || self[index].line != nil {
                    notes.append(self[index])
                }
                index += 1
            }
            diagnostic.message = String(found.1)
            let nearest = wanted.nearest(in: candidates)
            if !nearest.isEmpty {
                diagnostic.message += "; did you mean \(nearest.map { "'\($0)'" }.joined(separator: " or "))?"
            }
            proposed.append(diagnostic)
            // "'q' declared here" with a place in the cell stands only below the name that is proposed.
            proposed += notes.filter { note in
                !note.message.hasSuffix("declared here") || nearest.contains { note.message.hasPrefix("'\($0)'") }
            }
        }
        self = proposed
    }

    /// The compiler offers three ways out of a forgotten `try`, of which a notebook needs one: an error ends the cell.
    mutating func shortenNotesOnTry() {
        removeAll { $0.severity == .note && $0.message.hasPrefix("did you mean to disable error propagation") }
        removeAll { $0.severity == .note && $0.message.hasPrefix("did you mean to handle error as optional") }
        removeAll { $0.severity == .note && $0.message == "did you mean to use 'try'?" }
        for index in indices where self[index].message.hasSuffix("can throw but is not marked with 'try'") {
            self[index].message += ": write `try` in front of it"
        }
    }
}

extension String {
    /// The names that this one was probably meant to be: at most three, and none where a third of the letters differ.
    /// Upper and lower case count for little.
    fileprivate func nearest(in names: Set<String>) -> [String] {
        let limit = (count + 1) / 3
        let own = lowercased()
        let near = names.compactMap { name -> (name: String, distance: Int)? in
            // A difference in length is a difference in letters.
            guard name != self, abs(name.count - count) <= limit else { return nil }
            let distance = own.editDistance(to: name.lowercased())
            return distance <= limit ? (name, distance) : nil
        }
        guard let best = near.map(\.distance).min() else { return [] }
        return Array(near.filter { $0.distance == best }.map(\.name).sorted().prefix(3))
    }
}
