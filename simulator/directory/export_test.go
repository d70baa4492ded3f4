package directory

// Parse reads a query; it never panics.
func Parse(text string) { _, _ = parseQuery(text) }
