package mail

import (
	"slices"
	"testing"

	"rapport/internal/crm"
	"rapport/internal/fault"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestOverlay(t *testing.T) {
	star, archive := Delta{Add: []string{"STARRED"}}, Delta{Remove: []string{"INBOX"}}
	for _, c := range []struct {
		name    string
		remote  []string
		pending []Delta
		want    []string
	}{
		{"nothing pending", []string{"UNREAD", "INBOX"}, nil, []string{"INBOX", "UNREAD"}},
		{"not at Google yet", []string{"INBOX"}, []Delta{star, archive}, []string{"STARRED"}},
		{"at Google already", []string{"STARRED"}, []Delta{star, archive}, []string{"STARRED"}},
		{"changed there meanwhile", []string{"INBOX", "Label_1"}, []Delta{star}, []string{"INBOX", "Label_1", "STARRED"}},
		{"taken back here", []string{"INBOX"}, []Delta{star, star.Inverse()}, []string{"INBOX"}},
		{"the later one counts", []string{"STARRED"}, []Delta{star.Inverse(), star}, []string{"STARRED"}},
		{"no labels left", []string{"INBOX"}, []Delta{archive}, []string{}},
		{"none at all", nil, nil, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, Overlay(c.remote, c.pending)) })
	}
}

func TestAims(t *testing.T) {
	for _, c := range []struct {
		action        crm.ChangeAction
		label         string
		before, after []string // of a message; after nil: it is not meant
	}{
		{crm.ActionRead, "", []string{"INBOX", "UNREAD"}, []string{"INBOX"}},
		{crm.ActionUnread, "", []string{"INBOX"}, []string{"INBOX", "UNREAD"}},
		{crm.ActionStar, "", []string{"INBOX"}, []string{"INBOX", "STARRED"}},
		{crm.ActionUnstar, "", []string{"INBOX", "STARRED"}, []string{"INBOX"}},
		{crm.ActionArchive, "", []string{"INBOX", "Label_1"}, []string{"Label_1"}},
		{crm.ActionInbox, "", []string{"Label_1"}, []string{"INBOX", "Label_1"}},
		{crm.ActionTrash, "", []string{"INBOX", "UNREAD"}, []string{"TRASH", "UNREAD"}},
		{crm.ActionUntrash, "", []string{"TRASH"}, []string{"INBOX"}},
		{crm.ActionUntrash, "", []string{"SENT"}, nil},
		{crm.ActionSpam, "", []string{"INBOX"}, []string{"SPAM"}},
		{crm.ActionNotSpam, "", []string{"SPAM"}, []string{"INBOX"}},
		{crm.ActionNotSpam, "", []string{"SENT"}, nil},
		{crm.ActionAddLabel, "Label_1", []string{"INBOX"}, []string{"INBOX", "Label_1"}},
		{crm.ActionAddLabel, "TRASH", []string{"INBOX"}, []string{"TRASH"}},
		{crm.ActionRemoveLabel, "Label_1", []string{"INBOX", "Label_1"}, []string{"INBOX"}},
		{crm.ActionRemoveLabel, "SPAM", []string{"SPAM"}, []string{"INBOX"}},
	} {
		t.Run(string(c.action)+" "+c.label, func(t *testing.T) {
			aim, err := AimOf(c.action, c.label)
			require.NoError(t, err)
			if c.after == nil {
				require.NotContains(t, c.before, aim.Having)
				require.NotEmpty(t, aim.Having)
				return
			}
			require.Equal(t, c.after, aim.On(c.before))
			d := aim.Of(c.before)
			require.Equal(t, c.after, d.On(c.before))
			require.Equal(t, Delta{}.On(c.before), d.Inverse().On(c.after), "undo gives back what was")
		})
	}
	for _, wrong := range [][2]string{{"delete", ""}, {"undo", ""}, {"add_label", ""}, {"add_label", "SENT"}, {"remove_label", "DRAFT"}} {
		_, err := AimOf(crm.ChangeAction(wrong[0]), wrong[1])
		require.Equal(t, fault.Invalid, fault.Of(err), "%v", wrong)
	}
}

// What a change really does is undone exactly, whatever lies around it; and a
// change that Google has taken looks the same with the overlay as without.
func TestOverlayHoldsForAllLabels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := func(name string) []string {
			return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "C", "D", "E"}), 0, 5, rapid.ID[string]).Draw(t, name)
		}
		delta := func(name string) Delta {
			d := Delta{Add: some(name + " adds")}
			d.Remove = slices.DeleteFunc(some(name+" removes"), func(l string) bool { return slices.Contains(d.Add, l) })
			return d
		}
		remote, first, second := some("remote"), delta("first"), delta("second")
		shown := Overlay(remote, nil)
		require.Equal(t, shown, Overlay(shown, nil))
		one := first.Of(shown)
		require.Equal(t, first.On(shown), one.On(shown), "the part that makes a difference makes the whole")
		require.Equal(t, shown, Overlay(remote, []Delta{one, one.Inverse()}))
		taken := Overlay(remote, []Delta{one})
		require.Equal(t, taken, Overlay(taken, []Delta{one}), "coming back with the history it is no news")
		two := second.Of(taken)
		both := Overlay(remote, []Delta{one, two})
		require.Equal(t, both, Overlay(taken, []Delta{two}), "whether Google has the first already or not")
		require.Equal(t, both, Overlay(taken, []Delta{one, two}))
		require.Equal(t, both, two.On(one.On(remote)))
	})
}

func TestChoosingLabels(t *testing.T) {
	s := crm.ConnectionSettings{Labels: []string{"INBOX", "Label_1", "Label_2"}}
	ChooseLabels(&s, []string{"INBOX", "INBOX"}, map[string]string{"Label_1": "hide"})
	require.Equal(t, []string{"INBOX"}, s.Labels)
	require.Equal(t, []string{"Label_1"}, s.Hidden)
	require.Equal(t, []string{"Label_2"}, s.Kept, "kept when nobody says")
	for labels, want := range map[string]bool{"INBOX": true, "Label_1": false, "Label_2": true, "Label_3": true, "": true} {
		require.Equal(t, want, Shown([]string{labels}, s), labels)
	}
	require.True(t, Shown([]string{"Label_1", "INBOX"}, s))
	require.True(t, Shown([]string{"Label_1", "Label_2"}, s))
	ChooseLabels(&s, nil, map[string]string{"Label_1": "keep", "Label_2": "hide"})
	require.Equal(t, []string{"Label_2"}, s.Hidden)
	require.Equal(t, []string{"Label_1"}, s.Kept)
	ChooseLabels(&s, []string{"INBOX", "Label_2"}, nil)
	require.Empty(t, s.Hidden)
	require.Equal(t, []string{"Label_1"}, s.Kept)
	ChooseLabels(&s, []string{"SENT"}, nil)
	require.Equal(t, []string{"INBOX", "Label_1", "Label_2"}, s.Kept)
	ChooseLabels(&s, []string{crm.AllLabels}, nil)
	require.True(t, Shown([]string{"Label_1"}, s))
}
