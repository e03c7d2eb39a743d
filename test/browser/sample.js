$.ajax({
    url: 'http://127.0.0.1:8080/count/some.key.name',
    method: 'POST',
    headers: {
        'X-JWT-Token': 'some-jwt-token',
        'Content-Type': 'application/json'
    },
    data: {
        value: 100500
    }
});
