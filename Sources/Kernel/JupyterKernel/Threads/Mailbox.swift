import Synchronization

/// A queue that any thread posts to and one thread takes from.
final class Mailbox<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])
    /// Rung while there is something to take.
    let bell = Bell()

    func post(_ element: Element) {
        elements.withLock { elements in
            elements.append(element)
            bell.ring()
        }
    }

    /// The first element, once there is one.
    func takeFirst() -> Element {
        while true {
            bell.wait()
            let first = elements.withLock { elements in
                let first = elements.isEmpty ? nil : elements.removeFirst()
                if elements.isEmpty { bell.silence() }
                return first
            }
            if let first { return first }
        }
    }

    /// All elements, without waiting.
    func takeAll() -> [Element] { take(where: { _ in true }) }

    /// The elements that fulfil a condition, without waiting.
    func take(where isWanted: (Element) -> Bool) -> [Element] {
        elements.withLock { elements in
            let taken = elements.filter(isWanted)
            elements.removeAll(where: isWanted)
            if elements.isEmpty { bell.silence() }
            return taken
        }
    }
}
