package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
)

// written is Fernet as its specification describes it (github.com/fernet/spec,
// Spec.md), written for this test: what any other tool would make.
func written(t *testing.T, key string, seconds uint64, iv []byte, message string) string {
	t.Helper()
	k, err := base64.URLEncoding.DecodeString(key)
	require.NoError(t, err)
	require.Len(t, k, 32)
	pad := aes.BlockSize - len(message)%aes.BlockSize
	text := []byte(message)
	for range pad {
		text = append(text, byte(pad))
	}
	block, err := aes.NewCipher(k[16:])
	require.NoError(t, err)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(text, text)
	out := binary.BigEndian.AppendUint64([]byte{0x80}, seconds)
	out = append(append(out, iv...), text...)
	mac := hmac.New(sha256.New, k[:16])
	mac.Write(out)
	return base64.URLEncoding.EncodeToString(mac.Sum(out))
}

const specTime = 499162800 // of generate.json

func specIV() []byte { return []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} }

func TestTheSpecificationsGenerateVector(t *testing.T) {
	require.Equal(t, specText, written(t, specKey, specTime, specIV(), "hello"))
}

func TestAValueWrittenByAnotherImplementationOpens(t *testing.T) {
	s := sealer(t, newKey(t), specKey)
	for _, seconds := range []uint64{0, specTime, 1 << 40} { // of any age: tokens have an end of their own
		text := written(t, specKey, seconds, specIV(), binding("grant-1", fieldRefresh)+"1//0e-written-elsewhere")
		got, err := s.Open("grant-1", fieldRefresh, text)
		require.NoError(t, err)
		require.Equal(t, "1//0e-written-elsewhere", got.Reveal())
		_, err = s.Open("grant-2", fieldRefresh, text)
		require.ErrorIs(t, err, ErrMisplace, "moved to another row")
		_, err = s.Open("grant-1", fieldAccess, text)
		require.ErrorIs(t, err, ErrMisplace, "moved to another field")
	}
	_, err := s.Open("grant-1", fieldRefresh, specText)
	require.ErrorIs(t, err, ErrMisplace, "a text that says nothing of its place")
	empty, err := s.Open("grant-1", fieldRefresh, written(t, specKey, specTime, specIV(), binding("grant-1", fieldRefresh)))
	require.NoError(t, err)
	require.True(t, empty.IsZero())
}

func TestAnotherImplementationReadsWhatWeWrite(t *testing.T) {
	s := sealer(t, specKey)
	text, err := s.Seal("grant-1", fieldRefresh, crm.NewSecret("1//0e-ours"))
	require.NoError(t, err)
	raw, err := base64.URLEncoding.DecodeString(text)
	require.NoError(t, err)
	require.EqualValues(t, 0x80, raw[0])
	require.Equal(t, text, written(t, specKey, binary.BigEndian.Uint64(raw[1:9]), raw[9:25], binding("grant-1", fieldRefresh)+"1//0e-ours"))
}

func TestOneChangedBitIsRefused(t *testing.T) {
	s := sealer(t, specKey)
	text, err := s.Seal("grant-1", fieldRefresh, crm.NewSecret("1//0e-ours"))
	require.NoError(t, err)
	raw, err := base64.URLEncoding.DecodeString(text)
	require.NoError(t, err)
	for i := range raw {
		raw[i] ^= 1
		_, err := s.Open("grant-1", fieldRefresh, base64.URLEncoding.EncodeToString(raw))
		require.ErrorIs(t, err, ErrNoKey, "byte %d", i)
		raw[i] ^= 1
	}
}
