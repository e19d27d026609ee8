<#
    Written by mimc from a spec. Change the spec, not this file.

    mimc compiles the same content to MOF by itself. To compile it on a Windows node instead, with the module
    installed there, run this file in Windows PowerShell 5.1: it asks for the credentials and writes the documents
    beside itself, encrypted for the certificates that lie there.
#>
[CmdletBinding()]
param
(
    [System.String]
    $OutputPath = $PSScriptRoot
)

$configurationData = @{
    AllNodes = @(
        @{
            NodeName = 'node1'
        }
    )
}

Configuration Golden
{
    Import-DscResource -ModuleName 'CimTypesDsc' -ModuleVersion '2.5.0.1'

    Node 'node1'
    {
        Simple '1'
        {
            Id = '1'
        }
        Simple 'quoted "name"'
        {
            Id = '2'
        }
        Simple 'a::b'
        {
            Id = '3'
        }
        Simple 'brackets [x]'
        {
            Id = '4'
        }
        Simple 'C:\path ''q'''
        {
            Id = '5'
        }
        Simple 'Ünïcode ’’'
        {
            Id        = '7'
            DependsOn = @('[Simple]brackets [x]', '[simple]A::B')
        }
        Simple 'in front'
        {
            Id = '8'
        }
        Simple 'type without case'
        {
            Id = '9'
        }
        NoKey 'a'
        {
        }
        NoKey 'b'
        {
        }
    }
}

[DSCLocalConfigurationManager()]
Configuration GoldenLcm
{
}

Golden -ConfigurationData $configurationData -OutputPath $OutputPath
GoldenLcm -OutputPath $OutputPath
