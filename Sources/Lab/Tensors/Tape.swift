final class Node: @unchecked Sendable {}
