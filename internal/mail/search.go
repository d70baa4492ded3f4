package mail

// Search is a parsed query in Gmail's operators. The store turns it into SQL;
// the parser (ParseSearch) never fails: what it cannot understand becomes words.
type Search struct {
	Root Node
}

// Node of a search.
type Node interface{ node() }

// And, Or and Not combine nodes.
type (
	And struct{ Nodes []Node }
	Or  struct{ Nodes []Node }
	Not struct{ Node Node }
	// Words matches a word or "phrase" in subject, body, addresses and attachment names.
	Words struct {
		Text   string
		Phrase bool
		Prefix bool // the last word while typing
	}
	// Address matches the beginning of a name or address among sender, recipients and
	// recipients of copies.
	Address struct{ Text string }
	// Field matches text within one field.
	Field struct {
		Name   FieldName
		Text   string
		Prefix bool // the last word while typing
	}
	// Flag matches a state.
	Flag struct{ Name FlagName }
	// Label matches a label by id or name, case-insensitively.
	Label struct{ Name string }
	// Date bounds the internal date: [From, To) in Unix seconds, 0 is open.
	Date struct{ From, To int64 }
	// SizeRange bounds the size in bytes, 0 is open.
	SizeRange struct{ From, To int64 }
)

// FieldName of a Field.
type FieldName string

// FlagName of a Flag.
type FlagName string

const (
	FieldFrom      FieldName = "from"
	FieldTo        FieldName = "to"
	FieldCc        FieldName = "cc"
	FieldBcc       FieldName = "bcc"
	FieldSubject   FieldName = "subject"
	FieldFilename  FieldName = "filename"
	FieldMessageID FieldName = "rfc822msgid"

	FlagUnread     FlagName = "unread"
	FlagRead       FlagName = "read"
	FlagStarred    FlagName = "starred"
	FlagAttachment FlagName = "attachment"
	FlagAnywhere   FlagName = "anywhere" // spam and trash too
)

func (And) node()       {}
func (Or) node()        {}
func (Not) node()       {}
func (Words) node()     {}
func (Address) node()   {}
func (Field) node()     {}
func (Flag) node()      {}
func (Label) node()     {}
func (Date) node()      {}
func (SizeRange) node() {}
