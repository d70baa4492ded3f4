// Package signature reads from a message who its sender says he is: full name,
// job title, company, phones, LinkedIn profile, website and postal address. It
// is pure: text in, values out, no I/O, time in proportion to the text.
//
// # The sender's own words
//
// Only what the sender wrote counts. Lines with quote marks are not his (">",
// "|", initials before ">"); neither is what stands below another message's
// header: "-----Original Message-----", a block of From, Sent, To and Subject
// in the languages of Outlook, Apple Mail, Gmail and Notes, or "On Friday, Mara
// wrote:" with no quote marks after it. Footers are nobody's: mailing lists,
// telephones, virus scanners, ads, unsubscribe lines, and paragraphs with two
// or more words of disclaimers. Lines of commercial registers (seat, VAT
// number, managing directors) stay in place but are not read.
//
// # The block
//
// In each stretch of own lines a signature may begin behind "-- ", behind a
// drawn line, behind a line that closes a letter ("Best regards", in fifteen
// languages, with the name on the same line or not), at a line with the
// sender's name, or at one of the last paragraphs. It ends where prose begins.
// Each candidate is read whole, and what speaks for it is added up: how it
// opens, whether a name in it fits the header's (short forms, initials,
// torn-off accents and the address before the @ count), the sender's own
// address, labelled phones, a title, a company that fits the domain, an
// address; lists of people, prose and strangers' names speak against it. The
// best one counts if it reaches a threshold, which is higher for bulk mail and
// for desks. A wrong contact is worse than a missing one.
//
// # Reading it
//
// Wide gaps part a line into columns, which are read one after the other; links,
// mail addresses and phones are taken out; what remains is parted at bars,
// bullets, dashes and commas. Each piece gets a score for name, title,
// company, part of a company and address from small lexicons (folder lexicon)
// and its shape: capitals, legal forms, codes, street words. The best sequence
// of all pieces is found by adding how likely one follows the other (Viterbi):
// titles follow names, addresses follow companies. Of each field one value is
// returned, of phones all.
//
// A company shows by its legal form, by words that companies and institutions
// carry, by the sender's domain (a word, the words run together, initials, the
// beginnings of words), by the header's name ("Mara Lind (Northwind)"), by the
// way brands are written (NorthWind, Olson & Beck), and by its place: a line of
// its own, or the piece behind a title. Words of greetings, mottos, notices and
// of the net, and the ways places are called, speak against it.
//
// # Phones
//
// A number needs a label, a country code, or the shape of a number of its
// country. Labels before or behind it give the kind; a fax is never a voice
// phone. The country comes from the number, the address, the other numbers,
// the top-level domains or the caller; with it the number becomes E.164 by
// the numbering plans of libphonenumber. Where none is known the number stays
// as written.
package signature
