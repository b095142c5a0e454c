package kafkalab.hbase;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.servlet.ServletException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.CellUtil;
import org.apache.hadoop.hbase.RegionMetrics;
import org.apache.hadoop.hbase.ServerName;
import org.apache.hadoop.hbase.Size;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.TableNotFoundException;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Delete;
import org.apache.hadoop.hbase.client.Result;
import org.apache.hadoop.hbase.client.ResultScanner;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.client.Table;
import org.apache.hadoop.hbase.filter.FilterList;
import org.apache.hadoop.hbase.filter.FirstKeyOnlyFilter;
import org.apache.hadoop.hbase.filter.KeyOnlyFilter;
import org.apache.hadoop.hbase.util.Bytes;
import org.apache.hbase.thirdparty.com.google.gson.Gson;
import org.apache.hbase.thirdparty.com.google.gson.GsonBuilder;

/**
 * Tables and rows as JSON, among a region server's own pages: HBase's shell, REST server and Thrift
 * server are programs of their own.
 *
 * <p>GET /rows: the tables. GET /rows/TABLE?limit=N: rows in the order of their keys, and of
 * /rows/TABLE/KEY those from a key on; since=TIMESTAMP and column=FAMILY:NAME tell only such cells.
 * GET /rows/TABLE?count=true: how many there are; ?state=true: regions, size, changes. DELETE /rows/TABLE and /rows/TABLE/KEY take away a
 * table or a row.
 */
public class RowsServlet extends HttpServlet {

    private static final long serialVersionUID = 1L;
    private static final int MOST = 10_000;
    private static final int FETCHED = 5_000; // row keys a round while rows are counted

    private final transient Gson json = new GsonBuilder().disableHtmlEscaping().create();
    private transient Connection connection;

    /** Does what is asked, and returns what is answered. */
    private interface Work {
        Object answer() throws IOException;
    }

    private synchronized Connection connection() throws IOException {
        if (connection == null || connection.isClosed()) {
            connection = ConnectionFactory.createConnection(HBaseTables.ofServer());
        }
        return connection;
    }

    @Override
    public void destroy() {
        try {
            if (connection != null) {
                connection.close();
            }
        } catch (IOException error) {
            log("the connection was not closed", error);
        }
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
            throws ServletException, IOException {
        String[] path = path(request);
        answer(response, () -> {
            if (path.length == 0) {
                return Map.of("tables", tables());
            }
            try (Table table = connection().getTable(TableName.valueOf(path[0]))) {
                if (Boolean.parseBoolean(request.getParameter("count"))) {
                    return Map.of("count", count(table));
                }
                if (Boolean.parseBoolean(request.getParameter("state"))) {
                    return state(table.getName());
                }
                int limit = Integer.parseInt(or(request.getParameter("limit"), "10"));
                return Map.of("rows", rows(table, scan(request, path.length == 2 ? path[1] : "",
                    Math.max(1, Math.min(limit, MOST)))));
            }
        });
    }

    @Override
    protected void doDelete(HttpServletRequest request, HttpServletResponse response)
            throws ServletException, IOException {
        String[] path = path(request);
        answer(response, () -> {
            if (path.length == 0) {
                throw new IllegalArgumentException("no table is named");
            }
            TableName name = TableName.valueOf(path[0]);
            if (path.length == 2) {
                try (Table table = connection().getTable(name)) {
                    table.delete(new Delete(path[1].getBytes(StandardCharsets.UTF_8)));
                }
            } else {
                try (Admin admin = connection().getAdmin()) {
                    if (admin.isTableEnabled(name)) {
                        admin.disableTable(name);
                    }
                    admin.deleteTable(name);
                }
            }
            return Map.of();
        });
    }

    private void answer(HttpServletResponse response, Work work) throws IOException {
        int status = HttpServletResponse.SC_OK;
        Object said;
        try {
            said = work.answer();
        } catch (TableNotFoundException error) {
            status = HttpServletResponse.SC_NOT_FOUND;
            said = Map.of("message", "there is no such table");
        } catch (IllegalArgumentException error) {
            status = HttpServletResponse.SC_BAD_REQUEST;
            said = Map.of("message", HBaseTables.told(error));
        } catch (IOException error) {
            status = HttpServletResponse.SC_SERVICE_UNAVAILABLE;
            said = Map.of("message", HBaseTables.told(error));
        }
        response.setStatus(status);
        response.setContentType("application/json;charset=utf-8");
        response.getWriter().println(json.toJson(said));
    }

    /** What stands behind /rows: nothing, a table, or a table and a row. */
    private static String[] path(HttpServletRequest request) {
        String info = or(request.getPathInfo(), "/").substring(1);
        return info.isEmpty() ? new String[0] : info.split("/", 2);
    }

    private static String or(String value, String otherwise) {
        return value == null ? otherwise : value;
    }

    private List<String> tables() throws IOException {
        List<String> found = new ArrayList<>();
        try (Admin admin = connection().getAdmin()) {
            for (TableName one : admin.listTableNames()) {
                found.add(one.getNameAsString());
            }
        }
        return found;
    }

    /** How many regions of a table are served, how large they are, and how often they were changed. */
    private Map<String, Object> state(TableName table) throws IOException {
        int regions = 0;
        double size = 0;
        long written = 0;
        try (Admin admin = connection().getAdmin()) {
            if (!admin.tableExists(table)) {
                throw new TableNotFoundException(table);
            }
            for (ServerName server : admin.getRegionServers()) {
                for (RegionMetrics one : admin.getRegionMetrics(server, table)) {
                    regions++;
                    size += one.getStoreFileSize().get(Size.Unit.MEGABYTE)
                        + one.getMemStoreSize().get(Size.Unit.MEGABYTE);
                    written += one.getWriteRequestCount();
                }
            }
        }
        return Map.of("regions", regions, "size_mb", size, "written", written);
    }

    private static long count(Table table) throws IOException {
        Scan scan = new Scan().setCaching(FETCHED)
            .setFilter(new FilterList(new FirstKeyOnlyFilter(), new KeyOnlyFilter()));
        long found = 0;
        try (ResultScanner results = table.getScanner(scan)) {
            while (results.next() != null) {
                found++;
            }
        }
        return found;
    }

    private static Scan scan(HttpServletRequest request, String from, int limit)
            throws IOException {
        Scan scan = new Scan().setLimit(limit).setCaching(limit)
            .withStartRow(from.getBytes(StandardCharsets.UTF_8));
        String since = request.getParameter("since");
        if (since != null) {
            scan.setTimeRange(Long.parseLong(since), Long.MAX_VALUE);
        }
        String column = request.getParameter("column");
        if (column != null) {
            String[] parts = column.split(":", 2);
            if (parts.length < 2) {
                throw new IllegalArgumentException("accepted of column: FAMILY:NAME");
            }
            scan.addColumn(parts[0].getBytes(StandardCharsets.UTF_8),
                parts[1].getBytes(StandardCharsets.UTF_8));
        }
        return scan;
    }

    private static List<Object> rows(Table table, Scan scan) throws IOException {
        List<Object> found = new ArrayList<>();
        try (ResultScanner results = table.getScanner(scan)) {
            for (Result one = results.next(); one != null; one = results.next()) {
                Map<String, Object> cells = new LinkedHashMap<>();
                for (Cell cell : one.rawCells()) {
                    cells.put(text(CellUtil.cloneFamily(cell)) + ":"
                        + text(CellUtil.cloneQualifier(cell)), Map.of(
                            "value", text(CellUtil.cloneValue(cell)),
                            "timestamp", cell.getTimestamp()));
                }
                found.add(Map.of("row", text(one.getRow()), "cells", cells));
            }
        }
        return found;
    }

    /** UTF-8 as it is; other bytes as HBase's shell shows them. */
    private static String text(byte[] bytes) {
        String read = new String(bytes, StandardCharsets.UTF_8);
        return java.util.Arrays.equals(read.getBytes(StandardCharsets.UTF_8), bytes) ? read
            : Bytes.toStringBinary(bytes);
    }
}
