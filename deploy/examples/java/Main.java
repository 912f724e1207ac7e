// The brand's own backend in Java, without dependencies: it knows who is signed in,
// and fetches the ID token with which they chat. Needs a JDK 17 or newer.
//
//   ORIGIN=http://localhost:8081 IDP=https://id.brand.example IDP_CLIENT=messaging IDP_API_KEY=idp_k_… java Main.java
import com.sun.net.httpserver.*;
import java.io.IOException;
import java.net.*;
import java.net.http.*;
import java.nio.file.*;
import java.time.*;
import java.util.*;
import java.util.concurrent.ConcurrentHashMap;

public class Main {
  record Session(String customer, Instant since) {}

  static final Map<String, String> env = System.getenv();
  static final Map<String, Session> sessions = new ConcurrentHashMap<>(); // stands for the sessions that you have
  static final HttpClient client = HttpClient.newHttpClient();

  static void answer(HttpExchange x) throws IOException {
    x.getResponseHeaders().set("Cache-Control", "no-store");
    String path = x.getRequestURI().getPath();
    if (x.getRequestMethod().equals("GET")) { send(x, 200, "text/html", Files.readString(Path.of("../page.html"))); return; }
    if (!env.get("ORIGIN").equals(x.getRequestHeaders().getFirst("Origin"))) { send(x, 403, "text/plain", ""); return; } // another site's page
    if (path.equals("/login")) { // stands for the login that you have, which asks for more than a number
      String id = UUID.randomUUID().toString(), customer = new String(x.getRequestBody().readAllBytes()).replaceAll("^customer=|[^A-Za-z0-9-]", "");
      sessions.put(id, new Session(customer, Instant.now()));
      x.getResponseHeaders().set("Set-Cookie", "session=" + id + "; HttpOnly; SameSite=Lax; Path=/");
      x.getResponseHeaders().set("Location", "/");
      send(x, 303, "text/plain", "");
      return;
    }
    String cookie = Objects.requireNonNullElse(x.getRequestHeaders().getFirst("Cookie"), "");
    Session session = sessions.get(cookie.replaceFirst("^(.*; )?session=([^;]*).*$", "$2"));
    if (session == null || !path.equals("/chat-token")) { send(x, session == null ? 401 : 404, "text/plain", ""); return; }
    String ask = "{\"client_id\":\"%s\",\"external_id\":\"%s\",\"auth_time\":\"%s\"}".formatted(env.get("IDP_CLIENT"), session.customer(), session.since());
    var request = HttpRequest.newBuilder(URI.create(env.get("IDP") + "/api/v1/engagements/token")).timeout(Duration.ofSeconds(5))
        .header("Authorization", "Bearer " + env.get("IDP_API_KEY")).header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(ask)).build();
    try {
      var got = client.send(request, HttpResponse.BodyHandlers.ofString());
      if (got.statusCode() != 200) System.err.println("engagements/token: " + got.statusCode() + " " + got.body());
      send(x, got.statusCode() == 200 ? 200 : 502, "application/json", got.statusCode() == 200 ? got.body() : "{}");
    } catch (IOException | InterruptedException e) { System.err.println(e); send(x, 502, "text/plain", ""); }
  }

  static void send(HttpExchange x, int status, String type, String body) throws IOException {
    x.getResponseHeaders().set("Content-Type", type);
    x.sendResponseHeaders(status, body.isEmpty() ? -1 : body.getBytes().length);
    if (!body.isEmpty()) x.getResponseBody().write(body.getBytes());
    x.close();
  }

  public static void main(String[] args) throws IOException {
    var server = HttpServer.create(new InetSocketAddress("localhost", URI.create(env.get("ORIGIN")).getPort()), 0);
    server.createContext("/", Main::answer);
    server.start();
  }
}
