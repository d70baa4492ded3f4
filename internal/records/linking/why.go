package linking

import (
	"rapport/internal/crm"
)

// Why says in words why a message is linked to a record.
func Why(l crm.MailLink) string {
	at := ""
	if l.Detail != "" {
		at = " (" + l.Detail + ")"
	}
	via := l.Via.Name
	switch l.Rule {
	case crm.LinkManual:
		if l.ByName == "" {
			return "Somebody linked it by hand."
		}
		return l.ByName + " linked it by hand."
	case crm.LinkAddress:
		return l.Record.Name + " takes part in this conversation" + at + "."
	case crm.LinkDeal:
		if via == "" {
			return "A person of this deal takes part in this conversation" + at + "."
		}
		return via + ", who is part of this deal, takes part in this conversation" + at + "."
	case crm.LinkDomain:
		return "An address of " + l.Record.Name + " takes part in this conversation" + at + "."
	case crm.LinkCompany:
		switch {
		case l.Via.Type == crm.Deal:
			return "It belongs to the deal " + via + " with " + l.Record.Name + at + "."
		case via == "":
			return "Somebody of " + l.Record.Name + " takes part in this conversation" + at + "."
		case l.Detail == "":
			return "It is linked to " + via + " of " + l.Record.Name + "."
		}
		return via + " of " + l.Record.Name + " takes part in this conversation" + at + "."
	case crm.LinkThread:
		return "Another message of this conversation belongs to " + l.Record.Name + at + "."
	}
	return "It belongs to " + l.Record.Name + "."
}
