package signature

// Own is the sender's own lines of a text, blank ones among them: what stands in
// quotes, below headers of replies and forwards, and in footers is left out.
func Own(text string) []string {
	lines := split(text)
	markOwn(lines)
	var out []string
	for i := range lines {
		if lines[i].kind == own {
			out = append(out, lines[i].raw)
		}
	}
	return out
}
