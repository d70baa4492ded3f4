package gmail

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"strconv"
	"time"

	"rapport/simulator/front"
)

// A page token is a place in a list, bound to the query it was given for.

func queryHash(parts ...any) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		switch v := p.(type) {
		case string:
			h.Write([]byte(v))
		case []string:
			for _, s := range v {
				h.Write([]byte(s))
				h.Write([]byte{1})
			}
		}
		h.Write([]byte{0})
	}
	return h.Sum64()
}

func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// sealToken hides a place (below 2^63) in a token of digits.
func (m *mailbox) sealToken(place, bound uint64) string {
	check := scramble(place^bound^m.secret) % 1e6
	return strconv.FormatUint(place, 10) + fmt6(check)
}

func fmt6(n uint64) string {
	s := "000000" + strconv.FormatUint(n, 10)
	return s[len(s)-6:]
}

// openToken finds the place of a token that belongs to the query.
func (m *mailbox) openToken(token string, bound uint64) (uint64, bool) {
	if len(token) < 7 {
		return 0, false
	}
	place, err := strconv.ParseUint(token[:len(token)-6], 10, 64)
	if err != nil {
		return 0, false
	}
	return place, m.sealToken(place, bound) == token
}

func pageSize(c *front.Call, def, limit int) int {
	n, err := strconv.Atoi(c.Query.Get("maxResults"))
	if err != nil || n <= 0 {
		return def
	}
	return min(n, limit)
}

// attachmentLife is how long an attachment id is good for. Google documents
// no time, only that ids change between gets of the same message.
const attachmentLife = 24 * time.Hour

// attachment ids have this many characters.
const attachmentIDLen = 8 + 136

// appendAttachmentID makes an id for part number no of a message. Two calls
// never make the same one.
func (r *Room) appendAttachmentID(dst []byte, m *mailbox, id uint64, no int, now time.Time) []byte {
	nonce := r.nonce.Add(1)
	var b [102]byte
	binary.BigEndian.PutUint64(b[0:], scramble(nonce))
	binary.BigEndian.PutUint64(b[8:], id)
	binary.BigEndian.PutUint32(b[16:], uint32(no))
	binary.BigEndian.PutUint64(b[20:], uint64(now.Unix()))
	key := scramble(nonce) ^ m.secret
	binary.BigEndian.PutUint64(b[28:], scramble(key^id^uint64(no)<<32))
	for i := 8; i < len(b); i += 8 {
		key = scramble(key + 0x9e3779b97f4a7c15)
		for j := i; j < min(i+8, len(b)); j++ {
			b[j] ^= byte(key >> (8 * (j - i)))
		}
	}
	dst = append(dst, "ANGjdJ-_"...)
	return base64.RawURLEncoding.AppendEncode(dst, b[:])
}

// openAttachmentID returns the part an id names.
func (m *mailbox) openAttachmentID(text string, id uint64, now time.Time) (no int, ok bool) {
	if len(text) != attachmentIDLen {
		return 0, false
	}
	b, err := base64.RawURLEncoding.DecodeString(text[8:])
	if err != nil || len(b) != 102 {
		return 0, false
	}
	nonce := binary.BigEndian.Uint64(b)
	key := nonce ^ m.secret
	first := key
	for i := 8; i < len(b); i += 8 {
		key = scramble(key + 0x9e3779b97f4a7c15)
		for j := i; j < min(i+8, len(b)); j++ {
			b[j] ^= byte(key >> (8 * (j - i)))
		}
	}
	no = int(binary.BigEndian.Uint32(b[16:]))
	issued := time.Unix(int64(binary.BigEndian.Uint64(b[20:])), 0)
	good := binary.BigEndian.Uint64(b[8:]) == id && binary.BigEndian.Uint64(b[28:]) == scramble(first^id^uint64(no)<<32)
	return no, good && now.Sub(issued) < attachmentLife
}
