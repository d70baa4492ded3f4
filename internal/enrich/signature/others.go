package signature

import "strings"

// Words that say that what follows is somebody else's.
var (
	possessive = wordSet(`her his their hers theirs its ihre ihr seine sein deren dessen son sa leur su sus sua seu suo loro haar zijn hun hennes hans deras`)
	reachedBy  = wordSet(`phone phones telephone tel mobile cell cellphone number numbers extension ext line email e-mail mail address fax
		telefon telefonnummer nummer durchwahl handy handynummer mobilnummer adresse telefono numero correo movil celular telefone email-adresse telefoonnummer mobiel mobilnummer`)
)

func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

// markOthers silences lines that tell how to reach somebody else: "her phone is",
// "Anna's direct number".
func markOthers(lines []line) {
	for i := range lines {
		if l := &lines[i]; l.kind == own && l.words >= 3 && l.words <= 60 && ofOthers(strings.Fields(l.folded)) {
			l.silence()
		}
	}
}

func ofOthers(words []string) bool {
	for i, w := range words {
		bare := strings.Trim(w, ".,;:()\"")
		if !possessive[bare] && !strings.HasSuffix(bare, "'s") && !strings.HasSuffix(bare, "’s") {
			continue
		}
		for _, next := range words[i+1 : min(i+3, len(words))] {
			if reachedBy[strings.Trim(next, ".,;:()\"")] {
				return true
			}
		}
	}
	return false
}
