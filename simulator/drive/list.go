package drive

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"rapport/simulator/files"
	"rapport/simulator/front"
)

func (r *Room) list(c *front.Call) (any, error) {
	if err := checkCorpus(c); err != nil {
		return nil, err
	}
	wanted, ok := parseQuery(c.Query.Get("q"))
	if !ok {
		return nil, invalidValue("q")
	}
	order, ok := parseOrder(c.Query.Get("orderBy"))
	if !ok {
		return nil, invalidValue("orderBy")
	}
	size, _ := strconv.Atoi(c.Query.Get("pageSize")) // checked against the document
	from, ok := readPage(c)
	if !ok {
		return nil, invalidValue("pageToken")
	}
	out := map[string]any{"kind": "drive#fileList", "incompleteSearch": false}
	err := r.store.Do(func(t *files.Tree) error {
		var all []*files.File
		for _, f := range t.Of(c.Account) {
			if reachOf(c, f).see && wanted(view{t, c}, f) {
				all = append(all, f)
			}
		}
		slices.SortStableFunc(all, order)
		page := all[min(from, len(all)):min(from+size, len(all))]
		list := make([]any, len(page))
		for i, f := range page {
			list[i] = r.show(t, c, f)
		}
		out["files"] = list
		if from+size < len(all) {
			out["nextPageToken"] = pageToken(c, from+size)
		}
		return nil
	})
	return out, err
}

// checkCorpus refuses what is not here: shared drives, other spaces.
func checkCorpus(c *front.Call) error {
	absent := func(what string) error {
		return &front.Error{Code: 501, Message: "The simulator's Drive has no " + what + ".", Reason: "notImplemented"}
	}
	switch q := c.Query; {
	case q.Get("driveId") != "" || q.Get("corpora") == "drive":
		return absent("shared drives")
	case q.Get("spaces") != "drive":
		return absent("space " + q.Get("spaces"))
	case !slices.Contains([]string{"", "user", "domain", "allDrives"}, q.Get("corpora")):
		return invalidValue("corpora")
	}
	return nil
}

// orders are the keys of orderBy.
var orders = map[string]func(a, b *files.File) int{
	"createdTime": func(a, b *files.File) int { return a.Created.Compare(b.Created) },
	"folder": func(a, b *files.File) int {
		return compareBool(b.Type == files.Folder, a.Type == files.Folder)
	},
	"modifiedByMeTime": byModified, "modifiedTime": byModified, "recency": byModified, "viewedByMeTime": byModified,
	"name":           func(a, b *files.File) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) },
	"name_natural":   func(a, b *files.File) int { return natural(strings.ToLower(a.Name), strings.ToLower(b.Name)) },
	"quotaBytesUsed": func(a, b *files.File) int { return len(a.Content) - len(b.Content) },
	"sharedWithMeTime": func(*files.File, *files.File) int {
		return 0
	},
	"starred": func(a, b *files.File) int { return compareBool(b.Starred, a.Starred) },
}

func byModified(a, b *files.File) int { return a.Modified.Compare(b.Modified) }

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// natural compares with numbers as numbers.
func natural(a, b string) int {
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na > 0 && nb > 0 {
			x, _ := strconv.Atoi(a[:na])
			y, _ := strconv.Atoi(b[:nb])
			if x != y {
				return x - y
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

func digits(s string) int {
	n := 0
	for n < len(s) && n < 9 && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// parseOrder reads orderBy. Without one the newest come first.
func parseOrder(text string) (func(a, b *files.File) int, bool) {
	if text == "" {
		text = "modifiedTime desc"
	}
	var keys []func(a, b *files.File) int
	for _, part := range strings.Split(text, ",") {
		name, direction, _ := strings.Cut(strings.TrimSpace(part), " ")
		key := orders[name]
		switch {
		case key == nil, direction != "" && direction != "desc" && direction != "asc":
			return nil, false
		case direction == "desc":
			keys = append(keys, func(a, b *files.File) int { return key(b, a) })
		default:
			keys = append(keys, key)
		}
	}
	return func(a, b *files.File) int {
		for _, key := range keys {
			if n := key(a, b); n != 0 {
				return n
			}
		}
		return 0
	}, true
}

// pageToken names a position in one listing; it is no use in another.
func pageToken(c *front.Call, at int) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d/%d", listing(c), at))
}

func listing(c *front.Call) uint64 {
	h := fnv.New64a()
	for _, p := range []string{c.Account, c.Query.Get("q"), c.Query.Get("orderBy"), c.Query.Get("corpora")} {
		h.Write([]byte(p + "\x00"))
	}
	return h.Sum64()
}

func readPage(c *front.Call) (int, bool) {
	token := c.Query.Get("pageToken")
	if token == "" {
		return 0, true
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, false
	}
	which, at, _ := strings.Cut(string(raw), "/")
	n, err := strconv.Atoi(at)
	return n, err == nil && n >= 0 && which == strconv.FormatUint(listing(c), 10)
}
