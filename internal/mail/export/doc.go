// Package export is the part of the mail room that writes mail into files (mbox,
// EML, JSON lines), and that reads stored mail again with the parser of today.
//
// What is written is what the caller sees: a message seen in part stands in JSON
// lines with the fields that are seen, and is left out of mbox and EML.
//
// A message comes as its sender sent it where Google is asked for it (Original);
// else it is put together from what is stored: all of its header and its texts,
// and in place of each file a note of its name and size.
package export
