package mail

import (
	"sync"

	"github.com/klauspost/compress/zstd"
)

var encoder = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2), zstd.WithLowerEncoderMem(true))
})

// compress packs Google's answer (zstd, about a third of the size); nil when
// the encoder cannot be made, which costs reparse, not the message.
func compress(raw []byte) []byte {
	enc, err := encoder()
	if err != nil {
		return nil
	}
	return enc.EncodeAll(raw, make([]byte, 0, len(raw)/3+64))
}
