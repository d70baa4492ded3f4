package link

// Key is an address in the form in which addresses are compared, "" for what is
// none: the rule of Index.
func Key(email string) string {
	var b key
	return string(b.of(email))
}
