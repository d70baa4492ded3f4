package merging

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A card with a photo has thousands of folded lines, and one that is made to hurt has
// millions: reading takes time in proportion.
func TestFoldedLinesAreReadInTime(t *testing.T) {
	for name, text := range map[string]string{
		"folded":           "BEGIN:VCARD\nFN:Ines Sommer\nPHOTO:" + strings.Repeat("\n x", 2_000_000) + "\nEND:VCARD\n",
		"quoted-printable": "BEGIN:VCARD\nFN:Ines Sommer\nNOTE;QUOTED-PRINTABLE:" + strings.Repeat("x=\n", 2_000_000) + "\nEND:VCARD\n",
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			cards := cardsIn(text)
			require.Less(t, time.Since(began), 20*time.Second)
			require.Len(t, cards, 1)
			require.Contains(t, cards[0], "FN:Ines Sommer\r\n")
			require.Contains(t, cards[0], strings.Repeat("x", 2_000_000))
		})
	}
}

func TestRowsTakeTheRoomTheyHave(t *testing.T) {
	got, err := readCSV([]byte("name,email,phone\nInes\nOtto,otto@quarry.example,1,2,3\n"))
	require.NoError(t, err)
	require.Equal(t, [][]string{{"Ines"}, {"Otto", "otto@quarry.example", "1"}}, got.rows)
}
