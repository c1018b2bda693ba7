//as broker

package broker

import (
	"context"       // want "import: broker imports context, first used as context.Background"
	"encoding/json" // want "import: broker imports encoding/json"
	"hash/maphash"  // want "import: broker imports hash/maphash"
	"math/cmplx"    // want "import: broker imports math/cmplx"
	"math/rand/v2"  // want "import: broker imports math/rand/v2, first used as rand.IntN"
	"net"           // want "import: broker imports net"
	_ "net/http"    // want "import: broker imports net/http"
	"os"            // want "import: broker imports os"
	"reflect"       // want "import: broker imports reflect"
	"runtime"       // want "import: broker imports runtime"
	"sync"          // want "import: broker imports sync"
	"sync/atomic"   // want "import: broker imports sync/atomic"
	"time"          // want "import: broker imports time, first used as time.Now in line 24"
	"unsafe"        // want "import: broker imports unsafe"

	"github.com/spf13/cobra" // want "import: broker imports github.com/spf13/cobra"
)

func everyDoor() int64 { return time.Now().UnixNano() + int64(rand.IntN(3)) + int64(runtime.NumCPU()) }

func more(c *cobra.Command, m *sync.Mutex, b *atomic.Bool, v reflect.Value, h *maphash.Hash, n net.Conn) (int, error) {
	m.Lock()
	text, err := json.Marshal(os.Args)
	_ = context.Background()
	_ = cmplx.Inf
	return len(text) + int(unsafe.Sizeof(m)), err
}
