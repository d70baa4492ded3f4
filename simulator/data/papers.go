package data

// Paper is a file in the Drive of a seat of the demo.
type Paper struct {
	Name, Folder string
	Type, Text   string // what is in it, as a file of this type
	DaysOld      int
}

// Papers are the files of a seat: what somebody who sells lamps has at hand.
func Papers(email string) []Paper {
	mine := []Paper{
		{Name: "Price list 2026", Folder: "Sales", Type: "text/csv", DaysOld: 21, Text: "Lamp,Article,Price EUR,Delivery weeks\nNorrsken pendant,NL-1001,189,3\nNorrsken pendant XL,NL-1002,329,4\n" +
			"Skymning desk lamp,NL-2010,129,2\nSkymning floor lamp,NL-2011,249,3\nBryggan outdoor wall lamp,NL-3005,159,5\nGaslyktan lantern,NL-4001,96,1\n"},
		{Name: "Open offers", Folder: "Sales", Type: "text/csv", DaysOld: 2, Text: "Customer,Offer,Amount EUR,Sent,Probability\nBellafonte Alberghi,2026-118,24600,2026-10-29,60%\nOakrill,2026-121,8450,2026-11-05,35%\n"},
		{Name: "Handling complaints.txt", Folder: "Sales", Type: "text/plain", DaysOld: 140, Text: "1. Answer on the same day.\n2. Ask for the article number and a photograph.\n3. Send the part before it comes back.\n"},
		{Name: "Notes.txt", Type: "text/plain", DaysOld: 6, Text: "Ask the workshop about the brass for the lobby.\nCall back about the delivery in week 51.\n"},
	}
	for i, seat := range Demo() {
		if seat.Email == email {
			if seat.Outside || i >= 3 {
				return mine[3:]
			}
			return mine
		}
	}
	return nil
}
