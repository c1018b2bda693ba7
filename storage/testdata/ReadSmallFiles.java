import java.io.File;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.metadata.properties.MetaProperties;
import org.apache.kafka.metadata.properties.PropertiesUtils;
import org.apache.kafka.raft.FileQuorumStateStore;
import org.apache.kafka.storage.internals.checkpoint.CleanShutdownFileHandler;
import org.apache.kafka.storage.internals.checkpoint.LeaderEpochCheckpointFile;
import org.apache.kafka.storage.internals.checkpoint.OffsetCheckpointFile;
import org.apache.kafka.storage.internals.checkpoint.PartitionMetadataFile;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;

/** Reads the small files of a log directory with the classes Kafka reads them with. No tool of Kafka's prints these. */
public class ReadSmallFiles {
    public static void main(String[] args) {
        try {
            read(args[0], args[1]);
        } catch (Throwable e) { // else the launcher of source files hides it behind one of its own
            e.printStackTrace();
            System.exit(1);
        }
    }

    private static void read(String dir, String log) throws Exception {
        LogDirFailureChannel failures = new LogDirFailureChannel(1);
        for (String name : new String[] {"recovery-point-offset-checkpoint", "log-start-offset-checkpoint", "replication-offset-checkpoint"}) {
            Map<String, Long> sorted = new TreeMap<>();
            new OffsetCheckpointFile(new File(dir, name), failures).read().forEach((tp, at) -> sorted.put(tp.toString(), at));
            System.out.println(name + " " + sorted);
        }
        System.out.println("clean " + new CleanShutdownFileHandler(dir).read());
        MetaProperties meta = new MetaProperties.Builder(PropertiesUtils.readPropertiesFile(new File(dir, "meta.properties").getPath())).build();
        System.out.println("meta " + meta.version() + " " + meta.clusterId().get() + " " + meta.nodeId().getAsInt() + " " + meta.directoryId().get());
        File partition = new File(dir, log);
        new LeaderEpochCheckpointFile(LeaderEpochCheckpointFile.newFile(partition), failures).read().forEach(e -> System.out.println("epoch " + e.epoch() + " from " + e.startOffset()));
        System.out.println("topic " + new PartitionMetadataFile(PartitionMetadataFile.newFile(partition), failures).read().topicId());
        System.out.println("quorum " + new FileQuorumStateStore(new File(partition, FileQuorumStateStore.DEFAULT_FILE_NAME)).readElectionState().get());
    }
}
