<?php
// The brand's own backend in PHP, without dependencies: it knows who is signed in,
// and fetches the ID token with which they chat. Needs PHP 8.1 or newer.
//
//   ORIGIN=http://localhost:8081 IDP=https://id.brand.example IDP_CLIENT=messaging IDP_API_KEY=idp_k_… php -S localhost:8081 index.php

session_start(['name' => 'session', 'cookie_httponly' => true, 'cookie_samesite' => 'Lax', 'use_strict_mode' => true]);
header('Cache-Control: no-store');
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

function end_with(int $status, string $body = ''): never
{
    http_response_code($status);
    exit($body);
}

function chat_token(array $session): string
{
    $ask = ['client_id' => getenv('IDP_CLIENT'), 'external_id' => $session['customer'], 'auth_time' => $session['since']];
    $answer = file_get_contents(getenv('IDP') . '/api/v1/engagements/token', false, stream_context_create(['http' => [
        'method' => 'POST',
        'header' => ['Authorization: Bearer ' . getenv('IDP_API_KEY'), 'Content-Type: application/json'],
        'content' => json_encode($ask, JSON_THROW_ON_ERROR),
        'timeout' => 5,
        'follow_location' => 0,
        'ignore_errors' => true,
    ]]));
    if ($answer === false || !preg_match('/ 200 /', $http_response_header[0])) {
        error_log('engagements/token: ' . ($http_response_header[0] ?? 'no answer') . " $answer");
        end_with(502);
    }
    return $answer;
}

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    if (($_SERVER['HTTP_ORIGIN'] ?? '') !== getenv('ORIGIN')) end_with(403); // another site's page
    if ($path === '/login') { // stands for the login that you have, which asks for more than a number
        session_regenerate_id(true);
        $_SESSION = ['customer' => (string) $_POST['customer'], 'since' => gmdate(DATE_RFC3339)];
        header('Location: /');
        end_with(303);
    }
    if (!isset($_SESSION['customer'])) end_with(401);
    if ($path !== '/chat-token') end_with(404);
    header('Content-Type: application/json');
    end_with(200, chat_token($_SESSION));
}
readfile('../page.html');
