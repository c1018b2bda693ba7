import java.lang.reflect.Proxy;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.NotLeaderOrFollowerException;
import org.apache.kafka.metadata.MetadataCache;
import org.apache.kafka.server.replica.Replica;
import org.apache.kafka.storage.internals.log.LogOffsetMetadata;

/**
 * What a leader of Kafka's makes of fetches from offset 3 by broker 2, by broker epochs. An argument is REGISTERED:FETCHED,
 * where REGISTERED is - for a broker that is not there or fenced.
 */
public class TakeFetches {
    public static void main(String[] args) {
        for (String arg : args) {
            String[] epochs = arg.split(":");
            Optional<Long> registered = epochs[0].equals("-") ? Optional.empty() : Optional.of(Long.parseLong(epochs[0]));
            MetadataCache cache = (MetadataCache) Proxy.newProxyInstance(TakeFetches.class.getClassLoader(), new Class<?>[] {MetadataCache.class}, (proxy, method, a) -> {
                if (!method.getName().equals("getAliveBrokerEpoch")) throw new IllegalStateException(method.getName());
                return registered;
            });
            Replica replica = new Replica(2, new TopicPartition("orders", 0), cache);
            try {
                replica.updateFetchStateOrThrow(new LogOffsetMetadata(3), 0, 1, 3, Long.parseLong(epochs[1]));
                System.out.println(arg + " counts up to " + replica.stateSnapshot().logEndOffset());
            } catch (NotLeaderOrFollowerException e) {
                System.out.println(arg + " is refused");
            }
        }
    }
}
